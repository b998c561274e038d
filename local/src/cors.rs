//! CORS (the Fetch standard, 3.2), as the deployed HTTP API has it: a page served from another port of this
//! machine may call. The guard has refused all others before.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::reply::Reply;

/// What a page may send beside the headers that it may always send: ours, and those that tracing agents add (W3C Trace
/// Context, W3C Baggage, Sentry).
const ALLOWED: &str =
    "authorization, baggage, content-type, idempotency-key, sentry-trace, traceparent, tracestate";

/// What a browser asks before it sends a request that a plain form could not send.
pub(crate) fn is_preflight(parts: &Parts) -> bool {
    let has = |name: HeaderName| parts.headers.contains_key(name);
    parts.method == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Yes.
pub(crate) fn preflight() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// What a page may read of a reply's headers, beside those that it may always (the Fetch standard, 2.2.2).
const EXPOSED: &str = "allow, link, location, retry-after, x-total-count";

/// Lets the page that asked read the reply.
pub(crate) fn allow(origin: Option<HeaderValue>, reply: &mut Reply) {
    if let Some(origin) = origin {
        let headers = reply.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
}
