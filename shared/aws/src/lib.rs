//! AWS as the functions reach it: signed requests, the secret that says where the database is, other functions.
//!
//! Why without the SDK: `docs/decisions/aws-without-its-sdk.md`.

mod caller;
mod causes;
mod client;
mod connection_string;
mod endpoint;
mod function;
mod secret;
mod signature;

pub use caller::Caller;
pub use client::{Client, NoReply};
pub use connection_string::{ConnectionString, MissingConnectionString, UnreadableSecret};
pub use endpoint::InvalidEndpoint;
pub use function::{Function, InvalidFunction, NotInvoked};
pub use secret::Secret;
pub use signature::Signer;
