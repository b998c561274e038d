//! Request bodies.

use eventlog_ledger::{Fault, IdempotencyKey, NewEvents};
use lambda_http::http::HeaderMap;
use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use lambda_http::{Body, Request};

use crate::Problem;
use crate::single::{single, single_with_parameters};

/// A request body has at most so many bytes.
pub const MAX_BODY_BYTES: usize = 3_000_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The events in a request's body.
pub fn new_events(request: &Request) -> Result<NewEvents, Problem> {
    check_media_type(request.headers())?;
    let text = text(request.body())?;
    Ok(NewEvents::parse(text)?)
}

/// The key with which the request can be repeated, if it has one.
pub fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(key) = single(request.headers(), &IDEMPOTENCY_KEY)? else { return Ok(None) };
    let key = IdempotencyKey::parse(key.as_bytes());
    key.map(Some).map_err(|invalid| Problem::bad_request(format!("{invalid}.")))
}

fn text(body: &Body) -> Result<&str, Problem> {
    let bytes: &[u8] = body.as_ref();
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::body_too_large());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("byte {} is not valid UTF-8", error.valid_up_to());
        Problem::invalid_event(vec![Fault { pointer: String::new(), detail }])
    })
}

/// So much of a wrong media type is told.
const MAX_SHOWN: usize = 100;

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::unsupported_media_type(detail));
    let encoding = single(headers, &CONTENT_ENCODING)?;
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refuse("Content-Encoding must be absent or identity.");
    }
    let Some(media_type) = single_with_parameters(headers, &CONTENT_TYPE)? else {
        return refuse("There must be a Content-Type: application/json.");
    };
    let media_type = String::from_utf8_lossy(media_type.as_bytes());
    if !is_json(&media_type) {
        let shown: String = media_type.chars().take(MAX_SHOWN).collect();
        return refuse(&format!("Content-Type must be application/json, and is {shown:?}."));
    }
    Ok(())
}

/// Whether this is `application/json`. It defines no parameters, and unknown ones have no effect (RFC 8259, 11).
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_taken_with_any_parameters() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\";",
            "application/json; charset=latin1",
            "application/json ; profile=\"https://example.com/a;b\"; odata.metadata=none",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "; application/json", "application/problem+json"] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
