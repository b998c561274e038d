//! A simulated MongoDB replica set in memory, for tests only.
//!
//! The simulation speaks the wire protocol and carries out the commands that the stores use: unique indexes, ordered
//! batches, write and read concerns, retryable writes, change streams. On command it does what a real server cannot
//! be made to do: [delays](Settings), and [fail-overs](Simulation::fail_over) that roll back writes without a
//! majority. An unknown command, field or operator is refused, never ignored.
//!
//! Not simulated: more than one reachable member, lagging secondaries, transactions, causal consistency,
//! authentication other than a password check, `w` other than 1 and majority, arrays and embedded documents in
//! filters and indexes, change stream events other than inserts.
//!
//! # Layers
//!
//! **Invariant:** a module imports only from the lines below its own; in a folder, the file list descends too.
//!
//! 1. `simulation`: the handle that a test holds
//! 2. `connection`: reads requests from a socket and writes replies
//! 3. `commands`: `find_and_modify`, `write`, `schema`, `read`, `hello`, `sasl`, `primary`, `concern`, `command`
//! 4. `server`: the state that connections share
//! 5. `cursor`, `change_stream`, `sessions`: what the server keeps for a client
//! 6. `replication`: the operation log, and the states of the primary and of the majority
//! 7. `storage`: `databases`, `collection`, `plan`, `query`, `index`, `namespace`
//! 8. `documents`: `update`, `filter`, `projection`, `stored`, `key`
//! 9. `wire`, `clock`, `role`, `failure`, `settings`

mod change_stream;
mod clock;
mod commands;
mod connection;
mod cursor;
mod documents;
mod failure;
mod replication;
mod role;
mod server;
mod sessions;
mod settings;
mod simulation;
mod storage;
mod wire;

pub use settings::{Interruption, RestartState, Settings, StateChange};
pub use simulation::Simulation;
