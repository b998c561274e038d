//! Indexes, unique or not.

use std::collections::BTreeSet;

use mongodb::bson::RawDocument;

use super::namespace::Namespace;
use crate::documents::key::Key;
use crate::documents::stored::Stored;
use crate::failure::Failure;

/// The definition of an index. Directions of fields are not kept: entries are in ascending order and are read either
/// way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexSpec {
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
    pub(crate) unique: bool,
}

/// An index. An entry holds the values of a document's fields, then its `_id`.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) spec: IndexSpec,
    entries: BTreeSet<Vec<Key>>,
}

impl Index {
    pub(crate) fn new(spec: IndexSpec) -> Self {
        Self { spec, entries: BTreeSet::new() }
    }

    pub(crate) fn insert(&mut self, document: &Stored) -> Result<(), Failure> {
        self.entries.insert(self.entry(document)?);
        Ok(())
    }

    pub(crate) fn remove(&mut self, document: &Stored) -> Result<(), Failure> {
        self.entries.remove(&self.entry(document)?);
        Ok(())
    }

    /// The ids of the documents from `low` to `high`, which is excluded.
    pub(crate) fn ids(&self, low: &[Key], high: &[Key]) -> impl DoubleEndedIterator<Item = &Key> {
        self.entries.range(low.to_vec()..high.to_vec()).filter_map(|entry| entry.last())
    }

    /// Fails if the index is unique and another document has the same values.
    pub(crate) fn check(&self, namespace: &Namespace, document: &Stored) -> Result<(), Failure> {
        let values = self.values(&document.raw)?;
        if !self.spec.unique {
            return Ok(());
        }
        let mut high = values.clone();
        high.push(Key::Top);
        if self.ids(&values, &high).all(|id| *id == document.id) {
            return Ok(());
        }
        let fields = self.spec.fields.iter().map(String::as_str);
        let fields: Vec<_> = fields.zip(values.iter().map(Key::to_string)).collect();
        Err(Failure::duplicate_key(&namespace.to_string(), &self.spec.name, &fields))
    }

    fn entry(&self, document: &Stored) -> Result<Vec<Key>, Failure> {
        let mut entry = self.values(&document.raw)?;
        entry.push(document.id.clone());
        Ok(entry)
    }

    fn values(&self, document: &RawDocument) -> Result<Vec<Key>, Failure> {
        self.spec.fields.iter().map(|field| Key::at(document, field)).collect()
    }
}
