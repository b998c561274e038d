//! The stores on MongoDB: what is deployed.
//!
//! **Invariants**, whatever crashes, stalls or repeats:
//! - **I0** Nothing is inserted before this process's own `createIndexes` has succeeded, and `events` is never
//!   sharded. Read and write concerns are set here, whatever the connection string says.
//! - **I1** `_id` is unique. **I2** `seq` is unique.
//! - **I3** `seq` n+1 is attempted only from a majority-committed event n.
//! - **I4** An event is acknowledged only after a clean majority write, or a majority read of its `_id`.
//! - **I5** Batches are ordered inserts: what is inserted is a prefix.

mod alarm;
mod append;
mod batch;
mod connections;
mod database;
mod documents;
mod events;
mod group;
mod lazy;
mod pending;
mod queries;

pub use alarm::LogAlarm;
pub use connections::Connections;
pub use database::{Database, OpenError};
pub use events::Events;
pub use lazy::Lazy;
