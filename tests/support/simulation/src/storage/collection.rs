//! One collection: documents in the order of `_id`, and indexes.

use std::collections::BTreeMap;

use super::index::{Index, IndexSpec};
use super::namespace::Namespace;
use super::plan::{Plan, Source};
use super::query::Query;
use crate::documents::key::Key;
use crate::documents::stored::Stored;
use crate::failure::Failure;

/// One state of a collection.
#[derive(Clone, Default)]
pub(crate) struct Collection {
    documents: BTreeMap<Key, Stored>,
    pub(crate) indexes: Vec<Index>,
}

impl Collection {
    pub(crate) fn get(&self, id: &Key) -> Option<&Stored> {
        self.documents.get(id)
    }

    /// Fails if an index refuses the document.
    pub(crate) fn check(&self, namespace: &Namespace, document: &Stored) -> Result<(), Failure> {
        self.indexes.iter().try_for_each(|index| index.check(namespace, document))
    }

    /// Replaces or, for `None`, removes the document with this `_id`. The new one was [checked](Self::check).
    pub(crate) fn put(&mut self, id: &Key, document: Option<&Stored>) -> Result<(), Failure> {
        let before = match document {
            Some(document) => self.documents.insert(id.clone(), document.clone()),
            None => self.documents.remove(id),
        };
        for index in &mut self.indexes {
            if let Some(before) = &before {
                index.remove(before)?;
            }
            if let Some(document) = document {
                index.insert(document)?;
            }
        }
        Ok(())
    }

    /// Returns a new index over the documents. Fails if it is unique and two documents have the same values.
    pub(crate) fn build_index(&self, namespace: &Namespace, spec: &IndexSpec) -> Result<Index, Failure> {
        let mut index = Index::new(spec.clone());
        for document in self.documents.values() {
            index.check(namespace, document)?;
            index.insert(document)?;
        }
        Ok(index)
    }

    /// Returns the documents of a query, in its order.
    pub(crate) fn select(&self, query: &Query) -> Result<Vec<Stored>, Failure> {
        let plan = Plan::choose(&self.indexes, query);
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
        let found: Box<dyn DoubleEndedIterator<Item = &'a Stored> + 'a> = match &plan.source {
            Source::Ids(ids) => Box::new(ids.iter().filter_map(|id| self.documents.get(id))),
            Source::Documents(low, high) => {
                Box::new(self.documents.range((low.as_ref(), high.as_ref())).map(|(_, document)| document))
            }
            Source::Index(number, low, high) => {
                Box::new(self.indexes[*number].ids(low, high).filter_map(|id| self.documents.get(id)))
            }
        };
        if plan.is_backwards { Box::new(found.rev()) } else { found }
    }
}
