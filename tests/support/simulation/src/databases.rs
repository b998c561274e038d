//! All collections of one member.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::collection::{Collection, Index};
use crate::documents::Stored;
use crate::documents::key::Key;
use crate::failure::Failure;
use crate::replication::Change;

/// A database and a collection in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Namespace(Arc<(String, String)>);

pub(crate) type Collections = BTreeMap<Namespace, Collection>;

/// One state of all collections.
#[derive(Default)]
pub(crate) struct Databases(Collections);

impl Namespace {
    pub(crate) fn new(database: &str, collection: &str) -> Self {
        Self(Arc::new((database.to_owned(), collection.to_owned())))
    }

    pub(crate) fn database(&self) -> &str {
        &self.0.0
    }

    pub(crate) fn collection(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database(), self.collection())
    }
}

impl Databases {
    pub(crate) fn collection(&self, namespace: &Namespace) -> Option<&Collection> {
        self.0.get(namespace)
    }

    pub(crate) fn indexes(&self, namespace: &Namespace) -> &[Index] {
        self.collection(namespace).map_or(&[], |collection| &collection.indexes)
    }

    /// What goes when this database is dropped.
    pub(crate) fn database(&self, name: &str) -> Collections {
        let of_it = self.0.iter().filter(|(namespace, _)| namespace.database() == name);
        of_it.map(|(namespace, collection)| (namespace.clone(), collection.clone())).collect()
    }

    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Put { namespace, id, after, .. } => self.put(namespace, id, after.as_ref()),
            Change::Index { namespace, spec } => {
                let collection = self.0.entry(namespace.clone()).or_default();
                let index = collection.indexed(namespace, spec)?;
                collection.indexes.push(index);
                Ok(())
            }
            Change::Drop { database, .. } => {
                self.0.retain(|namespace, _| namespace.database() != database);
                Ok(())
            }
        }
    }

    /// The opposite of [`apply`](Self::apply), in the opposite order.
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
