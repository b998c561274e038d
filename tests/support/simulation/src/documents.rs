//! Documents: the order of their values, filters, updates and projections.

pub(crate) mod filter;
pub(crate) mod key;
pub(crate) mod projection;
pub(crate) mod stored;
pub(crate) mod update;
