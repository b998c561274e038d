//! For tests only: the contract suite that every store passes, and what it runs on.

mod binary;
mod breaker;
pub mod contract;
mod endpoint;
mod ferretdb;
mod fixtures;
mod flaky;
mod lambda;
mod log;
mod mongodb;
mod payloads;
mod process;
mod random;
mod secrets_manager;
mod trial;

pub use binary::binary;
pub use breaker::{Breaker, Broken, Faults};
pub use endpoint::Endpoint;
pub use ferretdb::FerretDb;
pub use fixtures::{fixture, shape};
pub use flaky::{Fault, Flaky};
pub use lambda::{Function, FunctionError, Instance, InvokeError, Lambda, Memory};
pub use log::logged;
pub use mongodb::{Server, fresh_database, required, server, start_stand_in};
pub use payloads::{payload, payloads};
pub use random::Random;
pub use secrets_manager::{SecretQuestion, SecretReply, SecretsManager};
pub use trial::{check_log, draft, trial, trials_on_ferretdb, trials_on_mongodb, within};
