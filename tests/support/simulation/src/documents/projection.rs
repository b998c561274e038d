//! Projections: the fields of documents that a reply contains.

use std::borrow::Cow;

use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf};

use super::key::{Key, Number};
use crate::failure::Failure;

/// Fields at the top level, either included or excluded.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    fields: Vec<String>,
    is_inclusive: bool,
    includes_id: bool,
}

impl Projection {
    /// Returns `None` for a projection that includes all fields.
    pub(crate) fn parse(projection: &Document) -> Result<Option<Self>, Failure> {
        let mut includes_id = None;
        let mut fields = Vec::new();
        let mut is_inclusive = None;
        for (name, value) in projection {
            let included = is_included(name, value)?;
            if name == "_id" {
                includes_id = Some(included);
            } else if *is_inclusive.get_or_insert(included) == included {
                fields.push(name.clone());
            } else {
                return Err(Failure::bad_value("a projection must either include or exclude fields"));
            }
        }
        // `_id` decides if it is the only field.
        let is_inclusive = is_inclusive.or(includes_id);
        let includes_id = includes_id.unwrap_or(true);
        Ok(is_inclusive.map(|is_inclusive| Self { fields, is_inclusive, includes_id }))
    }

    /// Returns the document itself if there is no projection.
    pub(crate) fn apply_if_some<'a>(
        projection: Option<&Self>,
        document: &'a RawDocument,
    ) -> Result<Cow<'a, RawDocument>, Failure> {
        match projection {
            Some(projection) => projection.apply(document).map(Cow::Owned),
            None => Ok(Cow::Borrowed(document)),
        }
    }

    pub(crate) fn apply(&self, document: &RawDocument) -> Result<RawDocumentBuf, Failure> {
        let mut projected = RawDocumentBuf::new();
        for element in document.iter() {
            let (name, value) = element?;
            let is_included = match name.as_str() {
                "_id" => self.includes_id,
                name => self.fields.iter().any(|field| field == name) == self.is_inclusive,
            };
            if is_included {
                projected.append(name, value);
            }
        }
        Ok(projected)
    }
}

fn is_included(name: &str, value: &Bson) -> Result<bool, Failure> {
    if name.contains('.') || name.starts_with('$') {
        return Err(Failure::not_simulated(format!("the projection of {name}")));
    }
    match (value, Key::of_bson(value)) {
        (Bson::Boolean(included), _) => Ok(*included),
        (_, Ok(Key::Number(number))) => Ok(number != Number::Integer(0)),
        _ => Err(Failure::not_simulated(format!("the projection of {name} by {value}"))),
    }
}
