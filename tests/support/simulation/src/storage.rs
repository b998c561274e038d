//! Collections in memory: documents, indexes, and the queries over them.

pub(crate) mod collection;
pub(crate) mod databases;
pub(crate) mod index;
pub(crate) mod namespace;
pub(crate) mod plan;
pub(crate) mod query;
