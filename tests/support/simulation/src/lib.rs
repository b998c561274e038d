//! For tests only: a MongoDB replica set that is simulated, in memory.
//!
//! It speaks the wire protocol and does just what the stores use, with what matters for them: unique indexes,
//! ordered batches, write and read concerns, retryable writes, change streams. What a real server cannot be made
//! to do on command it does: [delays](Settings) and [fail-overs](Simulation::fail_over) that roll back what no
//! majority had. What it does not know it refuses; nothing is silently ignored.
//!
//! Not simulated: more than one member to talk to, reads from secondaries that lag, transactions, causal
//! consistency, authentication other than refusing a password, `w` other than 1 and majority, arrays and embedded
//! documents in filters and indexes, events of change streams other than inserts.

mod change_stream;
mod clock;
mod collection;
mod commands;
mod cursor;
mod databases;
mod documents;
mod failure;
mod plan;
mod replication;
mod role;
mod server;
mod sessions;
mod settings;
mod simulation;
mod wire;

pub use settings::{Interruption, Keep, Settings, StateChange};
pub use simulation::Simulation;
