//! For tests only: the contract suite that every store passes, and what it runs on.

mod binary;
pub mod contract;
mod endpoint;
mod fixtures;
mod flaky;
mod lambda;
mod log;
mod mongodb;
mod payloads;
mod secrets_manager;
mod trial;

pub use binary::binary;
pub use endpoint::Endpoint;
pub use fixtures::{fixture, shape};
pub use flaky::{Fault, Flaky};
pub use lambda::{Function, FunctionError, Instance, InvokeError, Lambda, Memory};
pub use log::logged;
pub use mongodb::{Server, fresh_database, required, server, start_stand_in};
pub use payloads::{payload, payloads};
pub use secrets_manager::{SecretQuestion, SecretReply, SecretsManager};
pub use trial::{check_log, draft, trial, trials_on_mongodb, within};
