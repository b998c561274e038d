//! All collections of one member, and the changes to them.

use std::collections::BTreeMap;

use super::collection::Collection;
use super::index::{Index, IndexSpec};
use super::namespace::Namespace;
use super::query::Query;
use crate::documents::key::Key;
use crate::documents::stored::Stored;
use crate::failure::Failure;

pub(crate) type Collections = BTreeMap<Namespace, Collection>;

/// One state of all collections.
#[derive(Default)]
pub(crate) struct Databases(Collections);

/// One change, with the data that undo needs.
pub(crate) enum Change {
    Put { namespace: Namespace, id: Key, before: Option<Stored>, after: Option<Stored> },
    Index { namespace: Namespace, spec: IndexSpec },
    Drop { database: String, before: Collections },
}

impl Databases {
    pub(crate) fn collection(&self, namespace: &Namespace) -> Option<&Collection> {
        self.0.get(namespace)
    }

    pub(crate) fn indexes(&self, namespace: &Namespace) -> &[Index] {
        self.collection(namespace).map_or(&[], |collection| &collection.indexes)
    }

    /// Returns the documents of a query, in its order.
    pub(crate) fn select(&self, namespace: &Namespace, query: &Query) -> Result<Vec<Stored>, Failure> {
        self.collection(namespace).map_or(Ok(Vec::new()), |collection| collection.select(query))
    }

    /// Returns a copy of all collections of a database.
    pub(crate) fn database(&self, name: &str) -> Collections {
        let collections = self.0.iter().filter(|(namespace, _)| namespace.database() == name);
        collections.map(|(namespace, collection)| (namespace.clone(), collection.clone())).collect()
    }

    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Put { namespace, id, after, .. } => self.put(namespace, id, after.as_ref()),
            Change::Index { namespace, spec } => {
                let collection = self.0.entry(namespace.clone()).or_default();
                let index = collection.build_index(namespace, spec)?;
                collection.indexes.push(index);
                Ok(())
            }
            Change::Drop { database, .. } => {
                self.0.retain(|namespace, _| namespace.database() != database);
                Ok(())
            }
        }
    }

    /// Reverts [`apply`](Self::apply). Changes are undone in reverse order.
    pub(crate) fn undo(&mut self, change: Change) -> Result<(), Failure> {
        match change {
            Change::Put { namespace, id, before, .. } => self.put(&namespace, &id, before.as_ref())?,
            Change::Index { namespace, spec } => {
                if let Some(collection) = self.0.get_mut(&namespace) {
                    collection.indexes.retain(|index| index.spec.name != spec.name);
                }
            }
            Change::Drop { before, .. } => self.0.extend(before),
        }
        Ok(())
    }

    fn put(&mut self, namespace: &Namespace, id: &Key, document: Option<&Stored>) -> Result<(), Failure> {
        if let Some(collection) = self.0.get_mut(namespace) {
            return collection.put(id, document);
        }
        self.0.entry(namespace.clone()).or_default().put(id, document)
    }
}
