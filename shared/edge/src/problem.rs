//! What goes wrong, as the client is told: RFC 9457 problem details. With `answer.rs` the only place that
//! knows HTTP status codes.

use eventlog_ledger::{Fault, MAX_EVENT_BYTES, Rejected, StoreError};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use crate::{MAX_BODY_BYTES, Response};

/// A problem, with nothing in it that the client should not see: causes go to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: &'static Kind,
    detail: String,
    errors: Vec<Fault>,
    /// For 405: the methods that the path takes.
    allow: Option<&'static str>,
}

/// What stays the same from one problem of a kind to the next.
#[derive(Debug, PartialEq, Eq)]
struct Kind {
    status: StatusCode,
    /// The `type` is `urn:eventlog:problem:` and this.
    name: &'static str,
    title: &'static str,
}

macro_rules! kinds {
    ($($id:ident $status:ident $name:literal $title:literal)+) => {
        $(static $id: Kind = Kind { status: StatusCode::$status, name: $name, title: $title };)+
    };
}

kinds! {
    INVALID_EVENT BAD_REQUEST "invalid-event" "The event is invalid"
    INVALID_QUERY BAD_REQUEST "invalid-query" "The query string is invalid"
    PAGE_TOO_LARGE BAD_REQUEST "page-too-large" "The page is too large"
    BAD_REQUEST BAD_REQUEST "bad-request" "The request is malformed"
    FORBIDDEN FORBIDDEN "forbidden" "The request is not allowed"
    NOT_FOUND NOT_FOUND "not-found" "Not found"
    METHOD_NOT_ALLOWED METHOD_NOT_ALLOWED "method-not-allowed" "Method not allowed"
    REQUEST_TIMEOUT REQUEST_TIMEOUT "request-timeout" "The request took too long"
    EVENT_TOO_LARGE PAYLOAD_TOO_LARGE "event-too-large" "The event is too large"
    BODY_TOO_LARGE PAYLOAD_TOO_LARGE "body-too-large" "The body is too large"
    URI_TOO_LONG URI_TOO_LONG "uri-too-long" "The URI is too long"
    UNSUPPORTED_MEDIA_TYPE UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The body must be plain application/json"
    KEY_REUSED UNPROCESSABLE_ENTITY "idempotency-key-reused" "The Idempotency-Key belongs to another request"
    UPGRADE_REQUIRED UPGRADE_REQUIRED "upgrade-required" "The WebSocket version is not supported"
    INTERNAL INTERNAL_SERVER_ERROR "internal" "Internal error"
    OVERLOADED SERVICE_UNAVAILABLE "overloaded" "The server has too much to do"
    STORE_UNAVAILABLE SERVICE_UNAVAILABLE "store-unavailable" "The store is unavailable"
}

#[derive(Serialize)]
struct Wire<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<WireFault<'a>>,
}

#[derive(Serialize)]
struct WireFault<'a> {
    pointer: &'a str,
    detail: &'a str,
}

/// A pointer to the place of a fault has at most so many bytes; a longer one is cut to what encloses the place.
const MAX_POINTER: usize = 1000;
/// Seconds after which a client may try again.
const RETRY_AFTER_SECONDS: &str = "1";

impl Problem {
    /// RFC 9457, 3.
    pub const MEDIA_TYPE: &str = "application/problem+json";

    fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), allow: None }
    }

    /// 400: the body is not what it should be, at these places.
    pub fn invalid_event(mut errors: Vec<Fault>) -> Self {
        for Fault { pointer, .. } in &mut errors {
            while pointer.len() > MAX_POINTER {
                pointer.truncate(pointer.rfind('/').unwrap_or_default());
            }
        }
        let detail = "The body is not a valid event; see errors for where and why.";
        Self { errors, ..Self::new(&INVALID_EVENT, detail) }
    }

    /// 400: a query parameter is unknown, repeated or out of range.
    pub fn invalid_query(detail: impl Into<String>) -> Self {
        Self::new(&INVALID_QUERY, detail)
    }

    /// 400: `after` or `before` is the `_id` of no event.
    pub fn unknown_cursor(name: &str) -> Self {
        Self::invalid_query(format!("The parameter {name:?} must be the _id of an event of this log."))
    }

    /// 400: the page would be longer than an answer may be; so many events always fit.
    pub fn page_too_large(limit: usize) -> Self {
        Self::new(
            &PAGE_TOO_LARGE,
            format!("These events are too large for one answer; limit={limit} always fits."),
        )
    }

    /// 400: the request is not put as HTTP or WebSocket wants it.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(&BAD_REQUEST, detail)
    }

    /// 400: a header that must be single is given twice, on two lines or joined by a comma.
    pub fn repeated_header(name: &str) -> Self {
        Self::bad_request(format!(
            "The header {name} must be given once and without a comma, with which gateways join repeated headers."
        ))
    }

    /// 403: the request comes from where it must not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(&FORBIDDEN, detail)
    }

    /// 404: nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(&NOT_FOUND, detail)
    }

    /// 405: the path is there, not for this method.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::new(&METHOD_NOT_ALLOWED, format!("This path takes {allow}.")) }
    }

    /// 408: the body did not arrive in time.
    pub fn request_timeout() -> Self {
        Self::new(&REQUEST_TIMEOUT, "The body did not arrive in time.")
    }

    /// 413: more than [`MAX_BODY_BYTES`].
    pub fn body_too_large() -> Self {
        Self::new(&BODY_TOO_LARGE, format!("A body may have {MAX_BODY_BYTES} bytes."))
    }

    /// 414: the path and the query string together.
    pub fn uri_too_long(max: usize) -> Self {
        Self::new(&URI_TOO_LONG, format!("Path and query string may have {max} bytes."))
    }

    /// 415: not `application/json`, or compressed.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(&UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 426: a WebSocket handshake of another version.
    pub fn upgrade_required() -> Self {
        Self::new(&UPGRADE_REQUIRED, "The WebSocket handshake must be of version 13.")
    }

    /// 500: a bug of ours; what it was goes to the log.
    pub fn internal() -> Self {
        Self::new(&INTERNAL, "Something went wrong here; it is in the log.")
    }

    /// 503: other requests take all the memory that requests may take; nothing was done.
    pub fn overloaded() -> Self {
        Self::new(&OVERLOADED, "Other requests take all the memory that requests may take; nothing was done.")
    }

    /// The status, for the ones that have no room for more.
    pub fn status(&self) -> StatusCode {
        self.kind.status
    }

    /// The `application/problem+json`.
    pub fn json(&self) -> String {
        let errors = self.errors.iter();
        let wire = Wire {
            r#type: format!("urn:eventlog:problem:{}", self.kind.name),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: &self.detail,
            errors: errors
                .map(|fault| WireFault { pointer: &fault.pointer, detail: &fault.detail })
                .collect(),
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The HTTP answer.
    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.kind.status, Self::MEDIA_TYPE, self.json());
        if let Some(methods) = self.allow {
            response = response.with(ALLOW, HeaderValue::from_static(methods));
        }
        if self.kind.status == StatusCode::SERVICE_UNAVAILABLE {
            response = response.with(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Invalid(faults) => Self::invalid_event(faults),
            Rejected::Reserved(fault) => Self {
                errors: vec![fault],
                ..Self::forbidden("The body has an eventType that is reserved; see errors.")
            },
            Rejected::TooLarge(fault) => {
                let detail = format!("An event may have {MAX_EVENT_BYTES} bytes of JSON.");
                Self { errors: vec![fault], ..Self::new(&EVENT_TOO_LARGE, detail) }
            }
        }
    }
}

impl From<StoreError> for Problem {
    /// 503 where a repeat may help, 500 where it does not.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict => tracing::info!("{error}"),
            _ => tracing::error!("{error}"),
        }
        match error {
            StoreError::Unavailable(_) => Self::new(
                &STORE_UNAVAILABLE,
                "The store cannot be reached or did not answer in time. Whether an event was logged is unknown; \
                 with the same Idempotency-Key the request can be repeated safely.",
            ),
            StoreError::Corrupt { .. } => Self::internal(),
            StoreError::Conflict => Self::new(
                &KEY_REUSED,
                "This Idempotency-Key was used with another body; nothing was logged now.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_never_reaches_the_client() {
        let secret = "mongodb://user:hunter2@db.example";
        for error in [StoreError::unavailable(secret), StoreError::Corrupt { id: None, what: secret.into() }]
        {
            let response = Problem::from(error).into_response();
            let lambda_http::Body::Text(text) = response.body() else { panic!("a text") };
            assert!(response.status().is_server_error());
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_problem_is_problem_json() {
        let fault = Fault { pointer: "/dataPayload/a".into(), detail: "wrong".into() };
        let response = Problem::invalid_event(vec![fault]).into_response();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let lambda_http::Body::Text(text) = response.body() else { panic!("a text") };
        assert_eq!(
            text,
            r#"{"type":"urn:eventlog:problem:invalid-event","title":"The event is invalid","status":400,"detail":"The body is not a valid event; see errors for where and why.","errors":[{"pointer":"/dataPayload/a","detail":"wrong"}]}"#
        );
    }
}
