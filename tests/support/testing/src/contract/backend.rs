//! The databases of the contract suite.

use std::future::Future;

use eventlog_ledger::{ConnectionStore, EventStore};

/// An empty database of a backend.
pub trait Backend: Send + Sync + Sized + 'static {
    /// The event store.
    type Events: EventStore;
    /// The connection store.
    type Connections: ConnectionStore;

    /// Creates a database.
    fn fresh() -> impl Future<Output = Self> + Send;
    /// Opens the log anew, as another process would.
    fn events(&self) -> impl Future<Output = Self::Events> + Send;
    /// Opens the connection store.
    fn connections(&self) -> impl Future<Output = Self::Connections> + Send;
    /// Writes a text that is no hash into `currentHash` of the last event, not through the store.
    fn damage(&self) -> impl Future<Output = ()> + Send;
    /// Deletes the database.
    fn remove(self) -> impl Future<Output = ()> + Send;
}
