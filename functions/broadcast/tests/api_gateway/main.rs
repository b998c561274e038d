//! Pushing to an HTTP endpoint that answers as API Gateway does.

mod endpoint;
mod posts;
mod runs;
