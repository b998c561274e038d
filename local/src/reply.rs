//! What goes back on the wire.

use bytes::Bytes;
use eventlog_edge::Problem;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};

/// An HTTP response, whole.
pub(crate) type Reply = Response<Full<Bytes>>;

/// A problem that the gateway itself has with a request.
pub(crate) fn problem_reply(problem: &Problem) -> Reply {
    let mut reply = Response::new(Full::from(problem.json()));
    *reply.status_mut() = problem.status();
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    reply
}
