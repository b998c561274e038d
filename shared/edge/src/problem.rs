//! What goes wrong, as the client is told: RFC 9457 problem details. With `answer.rs` the only place that
//! knows HTTP status codes.

use eventlog_ledger::{Fault, MAX_EVENT_BYTES, Rejected, StoreError};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;

use crate::{MAX_BODY_BYTES, Response};

/// A problem, with nothing in it that the client should not see: causes go to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// `urn:eventlog:problem:` and this.
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<Fault>,
    header: Option<(HeaderName, &'static str)>,
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

/// Seconds after which a client may try again.
const RETRY_AFTER_SECONDS: &str = "1";

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, title, detail: detail.into(), errors: Vec::new(), header: None }
    }

    /// 400: the body is not what it should be, at these places.
    pub fn invalid_event(errors: Vec<Fault>) -> Self {
        let detail = "The body is not a valid event; errors says where and why.";
        let title = "The event is invalid";
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "invalid-event", title, detail) }
    }

    /// 400: a query parameter is unknown, repeated or out of range.
    pub fn invalid_query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-query", "The query string is invalid", detail)
    }

    /// 400: the page would be longer than an answer may be; so many events always fit.
    pub fn page_too_large(limit: usize) -> Self {
        let detail = format!("These events are too large for one answer; limit={limit} always fits.");
        Self::new(StatusCode::BAD_REQUEST, "page-too-large", "The page is too large", detail)
    }

    /// 403: the request comes from where it must not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The request is not allowed", detail)
    }

    /// 404: nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405: the path is there, not for this method.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This path takes {allow}.");
        let problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail);
        Self { header: Some((ALLOW, allow)), ..problem }
    }

    /// 408: the body did not arrive in time.
    pub fn request_timeout() -> Self {
        let detail = "The body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "The request took too long", detail)
    }

    /// 413: more than [`MAX_BODY_BYTES`].
    pub fn body_too_large() -> Self {
        let detail = format!("A body may have {MAX_BODY_BYTES} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
    }

    /// 415: not `application/json`, or compressed.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        let title = "The body must be plain application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", title, detail)
    }

    /// 500: a bug of ours; what it was goes to the log.
    pub fn internal() -> Self {
        let detail = "Something went wrong here; it is in the log.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// The status, for the ones that have no room for more.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The `application/problem+json`.
    pub fn json(&self) -> String {
        let errors = self.errors.iter();
        let wire = Wire {
            r#type: format!("urn:eventlog:problem:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: errors
                .map(|fault| WireFault { pointer: &fault.pointer, detail: &fault.detail })
                .collect(),
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The HTTP answer.
    pub fn into_response(self) -> Response {
        let mut response = Response::new(self.json().into());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Invalid(faults) => Self::invalid_event(faults),
            Rejected::Reserved(fault) => {
                Self { errors: vec![fault.clone()], ..Self::forbidden(format!("{}.", fault.detail)) }
            }
            Rejected::TooLarge(bytes) => {
                let detail =
                    format!("The event would have {bytes} bytes of JSON; {MAX_EVENT_BYTES} are allowed.");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "event-too-large", "The event is too large", detail)
            }
        }
    }
}

impl From<StoreError> for Problem {
    /// 503 where a repeat may help, 500 where it does not.
    fn from(error: StoreError) -> Self {
        tracing::error!("{error}");
        match error {
            StoreError::Unavailable(_) => {
                let detail = "The store cannot be reached or did not answer in time. Whether an event was logged is unknown.";
                let title = "The store is unavailable";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", title, detail);
                Self { header: Some((RETRY_AFTER, RETRY_AFTER_SECONDS)), ..problem }
            }
            StoreError::Corrupt(_) => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_never_reaches_the_client() {
        let secret = "mongodb://user:hunter2@db.example";
        for error in [StoreError::unavailable(secret), StoreError::Corrupt(secret.into())] {
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
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let lambda_http::Body::Text(text) = response.body() else { panic!("a text") };
        assert_eq!(
            text,
            r#"{"type":"urn:eventlog:problem:invalid-event","title":"The event is invalid","status":400,"detail":"The body is not a valid event; errors says where and why.","errors":[{"pointer":"/dataPayload/a","detail":"wrong"}]}"#
        );
    }
}
