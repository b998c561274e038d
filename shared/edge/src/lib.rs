//! The edge between API Gateway and the domain: what comes in is checked here once, what goes out is made
//! here.

pub mod answer;
mod base_path;
mod body;
mod listing;
mod problem;
mod query;
mod response;
pub mod routes;
mod single;
mod subprotocol;
mod subscription;

pub use base_path::{BasePath, InvalidBasePath};
pub use body::{MAX_BODY_BYTES, idempotency_key, new_events};
pub use listing::{Listing, Part, Window, listing, window};
pub use problem::Problem;
pub use query::{decoded, no_parameters};
pub use response::Response;
pub use single::single;
pub use subprotocol::subprotocol;
pub use subscription::{Subscription, subscription};
