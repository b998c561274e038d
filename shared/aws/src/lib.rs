//! AWS as the functions reach it: signed requests, and the secret that says where the database is.
//!
//! Why without the SDK: `docs/decisions/aws-without-its-sdk.md`.

mod caller;
mod causes;
mod client;
mod connection_string;
mod secret;
mod signature;

pub use caller::Caller;
pub use client::{Client, NoReply};
pub use connection_string::{ConnectionString, MissingConnectionString, UnreadableSecret};
pub use secret::Secret;
pub use signature::Signer;
