//! Updates: operators, or a replacement document.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, RawDocumentBuf};

use super::filter::{Filter, Test};
use super::key::Key;
use super::stored::Stored;
use crate::failure::Failure;

/// A parsed update.
#[derive(Debug, Clone)]
pub(crate) enum Update {
    Replacement(Document),
    /// Operator, field and operand, in the order of the update.
    Operators(Vec<(Operator, String, Bson)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Set,
    SetOnInsert,
    Max,
    Min,
    Increment,
    Unset,
}

impl Operator {
    fn parse(name: &str) -> Result<Self, Failure> {
        Ok(match name {
            "$set" => Self::Set,
            "$setOnInsert" => Self::SetOnInsert,
            "$max" => Self::Max,
            "$min" => Self::Min,
            "$inc" => Self::Increment,
            "$unset" => Self::Unset,
            _ => return Err(Failure::bad_value(format!("unknown modifier: {name}"))),
        })
    }
}

impl Update {
    pub(crate) fn parse(update: &Bson) -> Result<Self, Failure> {
        let Bson::Document(update) = update else {
            return Err(Failure::not_simulated("an update that is a pipeline"));
        };
        if !update.keys().any(|name| name.starts_with('$')) {
            return Ok(Self::Replacement(update.clone()));
        }
        let mut operators = Vec::new();
        for (name, fields) in update {
            let operator = Operator::parse(name)?;
            let fields = fields.as_document();
            let fields = fields.ok_or_else(|| Failure::bad_value(format!("{name} without a document")))?;
            for (field, operand) in fields {
                if field.contains('.') || field.starts_with('$') {
                    return Err(Failure::not_simulated(format!("an update of {field}")));
                }
                operators.push((operator, field.clone(), operand.clone()));
            }
        }
        Ok(Self::Operators(operators))
    }

    pub(crate) fn is_replacement(&self) -> bool {
        matches!(self, Self::Replacement(_))
    }

    /// Returns the updated document. Fails if the `_id` differs.
    pub(crate) fn apply(&self, before: &Stored) -> Result<Stored, Failure> {
        let document = Document::try_from(&**before.raw)?;
        let after = self.evaluate(document, false)?;
        let after = Stored::new(RawDocumentBuf::try_from(&after)?)?;
        if after.id == before.id { Ok(after) } else { Err(Failure::immutable_id()) }
    }

    /// Returns the document that an upsert inserts if the filter matches none. It has the values that the filter
    /// tests for equality; `query` is the unparsed filter.
    pub(crate) fn build_upsert(&self, filter: &Filter, query: &Document) -> Result<Stored, Failure> {
        let mut document = Document::new();
        for (path, test) in &filter.tests {
            if !matches!(test, Test::Eq(_)) || (self.is_replacement() && path != "_id") {
                continue;
            }
            if path.contains('.') {
                return Err(Failure::not_simulated(format!("an upsert by {path}")));
            }
            document.insert(path.clone(), equality_value(query, path)?);
        }
        let mut document = self.evaluate(document, true)?;
        if !document.contains_key("_id") {
            document.insert("_id", ObjectId::new());
        }
        Stored::new(RawDocumentBuf::try_from(&id_first(document))?)
    }

    fn evaluate(&self, before: Document, is_insert: bool) -> Result<Document, Failure> {
        let operators = match self {
            Self::Replacement(replacement) => {
                let mut after = replacement.clone();
                if let Some(id) = before.get("_id").filter(|_| !after.contains_key("_id")) {
                    after.insert("_id", id.clone());
                }
                return Ok(id_first(after));
            }
            Self::Operators(operators) => operators,
        };
        let mut after = before;
        for (operator, field, operand) in operators {
            apply_operator(&mut after, *operator, field, operand, is_insert)?;
        }
        Ok(after)
    }
}

/// Returns the value that `query` tests `path` for. A [`Key`] has lost the BSON type of a number.
fn equality_value(query: &Document, path: &str) -> Result<Bson, Failure> {
    match query.get(path) {
        Some(Bson::Document(tests)) => tests.get("$eq").cloned(),
        Some(value) => Some(value.clone()),
        None => None,
    }
    .ok_or_else(|| Failure::not_simulated("an upsert by an equality within $and"))
}

fn apply_operator(
    document: &mut Document,
    operator: Operator,
    field: &str,
    operand: &Bson,
    is_insert: bool,
) -> Result<(), Failure> {
    let current = document.get(field);
    let (operand_key, current_key) = match operator {
        Operator::Max | Operator::Min => (Key::of_bson(operand)?, current.map(Key::of_bson).transpose()?),
        _ => (Key::Null, None),
    };
    let value = match operator {
        Operator::SetOnInsert if !is_insert => return Ok(()),
        Operator::Max if current_key.as_ref().is_some_and(|current| operand_key <= *current) => return Ok(()),
        Operator::Min if current_key.as_ref().is_some_and(|current| operand_key >= *current) => return Ok(()),
        Operator::Unset => {
            document.remove(field);
            return Ok(());
        }
        Operator::Increment => sum(current, operand)?,
        _ => operand.clone(),
    };
    document.insert(field, value);
    Ok(())
}

fn sum(current: Option<&Bson>, operand: &Bson) -> Result<Bson, Failure> {
    let overflow = || Failure::bad_value("$inc out of range");
    match (current, operand) {
        (None, operand) => Ok(operand.clone()),
        (Some(Bson::Int32(a)), Bson::Int32(b)) => Ok(a.checked_add(*b).ok_or_else(overflow)?.into()),
        (Some(Bson::Int64(a)), Bson::Int64(b)) => Ok(a.checked_add(*b).ok_or_else(overflow)?.into()),
        (Some(Bson::Int32(a)), Bson::Int64(b)) | (Some(Bson::Int64(b)), Bson::Int32(a)) => {
            Ok(b.checked_add((*a).into()).ok_or_else(overflow)?.into())
        }
        _ => Err(Failure::not_simulated("$inc of anything but integers")),
    }
}

/// Returns the document with `_id` as its first field, as MongoDB stores it.
fn id_first(mut document: Document) -> Document {
    if document.keys().next().is_none_or(|name| name == "_id") {
        return document;
    }
    let id = document.get("_id").cloned().map(|id| ("_id".to_owned(), id));
    if id.is_some() {
        document.remove("_id");
    }
    id.into_iter().chain(document).collect()
}
