//! Test support: the contract suite of the stores, and the servers, faults and fixtures of tests.
//!
//! **Invariant:** a module imports only from the lines below its own.
//!
//! 1. `contract`: the suite that each store passes
//! 2. `trial`: tests as values, ignored without their server
//! 3. `lambda`, `secrets_manager`, `breaker`, `mongodb`, `ferretdb`: stand-ins for AWS, the network and the database
//! 4. `check_log`, `draft`, `payloads`, `faulty_store`, `fixtures`, `log`: data, checks and faults of single tests
//! 5. `endpoint`, `process`, `binary`, `random`

mod binary;
mod breaker;
mod check_log;
pub mod contract;
mod draft;
mod endpoint;
mod faulty_store;
mod ferretdb;
mod fixtures;
mod lambda;
mod log;
mod mongodb;
mod payloads;
mod process;
mod random;
mod secrets_manager;
mod trial;

pub use binary::binary;
pub use breaker::{Breaker, FaultCounts, Faults};
pub use check_log::check_log;
pub use draft::draft;
pub use endpoint::Endpoint;
pub use faulty_store::{AppendFault, FaultyStore};
pub use ferretdb::FerretDb;
pub use fixtures::{fixture, shape};
pub use lambda::{Function, FunctionError, Instance, InvokeError, Lambda, Memory};
pub use log::capture_log;
pub use mongodb::{Server, fresh_database, server};
pub use payloads::{payload, payloads};
pub use random::Random;
pub use secrets_manager::{SecretReply, SecretRequest, SecretsManager};
pub use trial::{trial, trials_on_ferretdb, trials_on_mongodb, within};
