//! Which fields of documents are sent.

use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf};

use super::key::{Key, Number};
use crate::failure::Failure;

/// Fields at the top level, either those to send or those to leave out.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    fields: Vec<String>,
    inclusive: bool,
    with_id: bool,
}

impl Projection {
    /// Nothing if everything is to be sent.
    pub(crate) fn parse(projection: &Document) -> Result<Option<Self>, Failure> {
        let mut with_id = None;
        let mut fields = Vec::new();
        let mut inclusive = None;
        for (name, value) in projection {
            let shown = is_shown(name, value)?;
            if name == "_id" {
                with_id = Some(shown);
            } else if *inclusive.get_or_insert(shown) == shown {
                fields.push(name.clone());
            } else {
                return Err(Failure::bad_value(
                    "a projection both of fields to send and of fields to leave out",
                ));
            }
        }
        // Of `_id` alone: it says by itself which of the two kinds it is.
        let inclusive = inclusive.or(with_id);
        let projection = |inclusive| Self { fields, inclusive, with_id: with_id.unwrap_or(true) };
        Ok(inclusive.map(projection))
    }

    pub(crate) fn apply(&self, document: &RawDocument) -> Result<RawDocumentBuf, Failure> {
        let mut shown = RawDocumentBuf::new();
        for element in document.iter() {
            let (name, value) = element?;
            let is_shown = match name.as_str() {
                "_id" => self.with_id,
                name => self.fields.iter().any(|field| field == name) == self.inclusive,
            };
            if is_shown {
                shown.append(name, value);
            }
        }
        Ok(shown)
    }
}

fn is_shown(name: &str, value: &Bson) -> Result<bool, Failure> {
    if name.contains('.') || name.starts_with('$') {
        return Err(Failure::not_simulated(format!("the projection of {name}")));
    }
    match (value, Key::of_bson(value)) {
        (Bson::Boolean(shown), _) => Ok(*shown),
        (_, Ok(Key::Number(number))) => Ok(number != Number::Integer(0)),
        _ => Err(Failure::not_simulated(format!("the projection of {name} by {value}"))),
    }
}
