//! Request bodies.

use eventlog_ledger::{Fault, IdempotencyKey, NewEvents};
use lambda_http::http::HeaderMap;
use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use lambda_http::{Body, Request};

use crate::Problem;

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
    let mut keys = request.headers().get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(Problem::bad_request("A request has one Idempotency-Key."));
    }
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
    for encoding in headers.get_all(CONTENT_ENCODING) {
        if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
            return refuse("Content-Encoding must be absent or identity.");
        }
    }
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(media_type), None) = (types.next(), types.next()) else {
        return refuse("There must be one Content-Type: application/json.");
    };
    let media_type = String::from_utf8_lossy(media_type.as_bytes());
    if !is_json(&media_type) {
        let shown: String = media_type.chars().take(MAX_SHOWN).collect();
        return refuse(&format!("Content-Type must be application/json, in UTF-8, and is {shown:?}."));
    }
    Ok(())
}

/// `application/json`, with no parameter but `charset=utf-8`, which means nothing and is often sent.
fn is_json(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let is_utf8 = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    };
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| parameter.is_empty() || is_utf8(parameter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_json_is_taken() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\";",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "",
            "text/plain",
            "application/jsonp",
            "application/json; charset=latin1",
            "application/json, text/plain",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
