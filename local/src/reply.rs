//! What goes back on the wire.

use bytes::Bytes;
use eventlog_edge::Problem;
use http_body_util::Full;
use hyper::Response;
use lambda_http::Body;

/// An HTTP response, whole.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Returns the answer to a request that the gateway itself refuses.
pub(crate) fn problem_reply(problem: Problem) -> Reply {
    Response::<Body>::from(problem.into_response()).map(|body| Full::from(body.to_vec()))
}
