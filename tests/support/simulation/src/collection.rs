//! One collection: documents in the order of `_id`, and indexes.

use std::collections::{BTreeMap, BTreeSet};

use mongodb::bson::RawDocument;

use crate::databases::Namespace;
use crate::documents::Stored;
use crate::documents::key::Key;
use crate::failure::Failure;
use crate::plan::{Plan, Query, Source};

/// What an index is made of. The direction of its fields is not kept: all are stored in ascending order and read
/// in either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexSpec {
    pub(crate) name: String,
    pub(crate) fields: Vec<String>,
    pub(crate) unique: bool,
}

/// The values of the fields of each document, then its `_id`.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) spec: IndexSpec,
    entries: BTreeSet<Vec<Key>>,
}

/// One state of a collection.
#[derive(Clone, Default)]
pub(crate) struct Collection {
    documents: BTreeMap<Key, Stored>,
    pub(crate) indexes: Vec<Index>,
}

impl Index {
    fn new(spec: IndexSpec) -> Self {
        Self { spec, entries: BTreeSet::new() }
    }

    fn values(&self, document: &RawDocument) -> Result<Vec<Key>, Failure> {
        self.spec.fields.iter().map(|field| Key::at(document, field)).collect()
    }

    fn entry(&self, document: &Stored) -> Result<Vec<Key>, Failure> {
        let mut entry = self.values(&document.raw)?;
        entry.push(document.id.clone());
        Ok(entry)
    }

    /// Whether another document stands where a unique index has room for one.
    fn check(&self, namespace: &Namespace, document: &Stored) -> Result<(), Failure> {
        let values = self.values(&document.raw)?;
        if !self.spec.unique {
            return Ok(());
        }
        let mut after = values.clone();
        after.push(Key::Top);
        let mut same = self.entries.range(values.clone()..after);
        if same.all(|entry| entry.last() == Some(&document.id)) {
            return Ok(());
        }
        let fields = self.spec.fields.iter().map(String::as_str);
        let fields: Vec<_> = fields.zip(values.iter().map(Key::to_string)).collect();
        Err(Failure::duplicate_key(&namespace.to_string(), &self.spec.name, &fields))
    }
}

impl Collection {
    pub(crate) fn get(&self, id: &Key) -> Option<&Stored> {
        self.documents.get(id)
    }

    /// Whether the document could be put here in the place of the one with the same `_id`.
    pub(crate) fn check(&self, namespace: &Namespace, document: &Stored) -> Result<(), Failure> {
        self.indexes.iter().try_for_each(|index| index.check(namespace, document))
    }

    /// Puts a document that was [checked](Self::check) in the place of the one with this `_id`, or none.
    pub(crate) fn put(&mut self, id: &Key, document: Option<&Stored>) -> Result<(), Failure> {
        let before = match document {
            Some(document) => self.documents.insert(id.clone(), document.clone()),
            None => self.documents.remove(id),
        };
        for index in &mut self.indexes {
            if let Some(before) = &before {
                let entry = index.entry(before)?;
                index.entries.remove(&entry);
            }
            if let Some(document) = document {
                let entry = index.entry(document)?;
                index.entries.insert(entry);
            }
        }
        Ok(())
    }

    /// An index over what is here; an error if it is to be unique and what is here is not.
    pub(crate) fn indexed(&self, namespace: &Namespace, spec: &IndexSpec) -> Result<Index, Failure> {
        let mut index = Index::new(spec.clone());
        for document in self.documents.values() {
            index.check(namespace, document)?;
            let entry = index.entry(document)?;
            index.entries.insert(entry);
        }
        Ok(index)
    }

    /// The documents that a query asks for, in its order.
    pub(crate) fn select(&self, query: &Query) -> Result<Vec<Stored>, Failure> {
        let plan = Plan::of(self, query);
        let enough = if plan.is_sorted { query.skip.saturating_add(query.limit) } else { usize::MAX };
        let mut found = Vec::new();
        for document in self.scan(&plan) {
            if found.len() >= enough {
                break;
            }
            if query.filter.matches(&document.raw)? {
                found.push(document.clone());
            }
        }
        if !plan.is_sorted {
            query.sort.apply(&mut found)?;
        }
        found.truncate(query.skip.saturating_add(query.limit));
        found.drain(..query.skip.min(found.len()));
        Ok(found)
    }

    fn scan<'a>(&'a self, plan: &'a Plan) -> Box<dyn Iterator<Item = &'a Stored> + 'a> {
        let backwards = plan.is_backwards;
        match &plan.source {
            Source::Ids(ids) => {
                let found = ids.iter().filter_map(|id| self.documents.get(id));
                if backwards { Box::new(found.rev()) } else { Box::new(found) }
            }
            Source::Documents(low, high) => {
                let found = self.documents.range((low.as_ref(), high.as_ref())).map(|(_, document)| document);
                if backwards { Box::new(found.rev()) } else { Box::new(found) }
            }
            Source::Index(index, low, high) => {
                let entries = self.indexes[*index].entries.range(low.clone()..high.clone());
                let document = |entry: &Vec<Key>| entry.last().and_then(|id| self.documents.get(id));
                let found = entries.filter_map(document);
                if backwards { Box::new(found.rev()) } else { Box::new(found) }
            }
        }
    }
}
