//! Documents as they are stored.

use std::sync::Arc;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::raw::cstr;
use mongodb::bson::{Bson, RawDocument, RawDocumentBuf};

use super::key::Key;
use crate::failure::Failure;

/// Maximum bytes of a document, as in MongoDB.
pub(crate) const MAX_DOCUMENT: usize = 16 << 20;

/// A stored document. It never changes: an update replaces it by another.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) id: Key,
    pub(crate) raw: Arc<RawDocumentBuf>,
}

impl Stored {
    /// Returns the document with a new `_id` if it has none. Fails if it is too large.
    pub(crate) fn new(raw: RawDocumentBuf) -> Result<Self, Failure> {
        let bytes = raw.as_bytes().len();
        if bytes > MAX_DOCUMENT {
            return Err(Failure::too_large(bytes));
        }
        let raw = match raw.get("_id")? {
            Some(_) => raw,
            None => with_id(&raw, ObjectId::new())?,
        };
        let id = Key::at(&raw, "_id")?;
        Ok(Self { id, raw: Arc::new(raw) })
    }

    /// Returns the `_id` as it was written. `id` is its sort key, in which 1 and 1.0 are equal.
    pub(crate) fn id_value(&self) -> Result<Bson, Failure> {
        let id = self.raw.get("_id")?.ok_or_else(|| Failure::bad_value("a document without _id"))?;
        Ok(id.try_into()?)
    }
}

fn with_id(document: &RawDocument, id: ObjectId) -> Result<RawDocumentBuf, Failure> {
    let mut with_id = RawDocumentBuf::new();
    with_id.append(cstr!("_id"), id);
    for element in document.iter() {
        let (name, value) = element?;
        with_id.append(name, value);
    }
    Ok(with_id)
}
