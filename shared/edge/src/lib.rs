//! The edge between API Gateway and the domain: what comes in is checked here once, what goes out is made
//! here.

pub mod answer;
mod body;
mod problem;
mod query;
pub mod routes;
mod vars;

pub use body::{MAX_BODY_BYTES, new_event};
pub use problem::Problem;
pub use query::{Paging, no_parameters, paging};
pub use vars::{MissingVar, required};

/// An HTTP answer, as `lambda_http` sends it.
pub type Response = lambda_http::Response<lambda_http::Body>;
