//! Names of collections.

use std::fmt;
use std::sync::Arc;

/// A database and a collection in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Namespace(Arc<(String, String)>);

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
