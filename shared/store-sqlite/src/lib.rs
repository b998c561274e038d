//! The stores on SQLite: the embedded default, for one machine.
//!
//! **Invariant:** every change of the log is one `BEGIN IMMEDIATE … COMMIT` that reads the head, links and
//! inserts, so that any number of processes may write one file.

mod alarm;
mod backup;
mod checkpoints;
mod connections;
mod error;
mod events;
mod group;
mod identity;
mod integrity;
mod readers;
mod rows;
mod schema;
mod writer;

pub use alarm::LogAlarm;
pub use backup::{BackupError, Copied, backup};
pub use connections::Connections;
pub use events::Events;
pub use integrity::check_file;
pub use schema::{Durability, OpenError};
