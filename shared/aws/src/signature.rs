//! AWS Signature Version 4, as the IAM user guide has it in "Create a signed AWS API request", for requests without
//! a query string and without `.` and `..` in the path.

use bytes::Bytes;
use eventlog_ledger::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, HOST, HeaderValue, InvalidHeaderValue};
use http::{HeaderMap, Request};
use sha2::{Digest, Sha256};

use crate::Caller;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs all of a request as it is, with the headers that are added for it: the host, the time, the session's token.
/// An error if one of these cannot stand in a header.
pub fn sign(
    request: &mut Request<Bytes>,
    service: &str,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), InvalidHeaderValue> {
    let time = basic_time(now);
    let scope = format!("{}/{}/{service}/aws4_request", &time[..8], caller.region);
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(host)?);
    headers.insert("x-amz-date", HeaderValue::try_from(&time)?);
    if let Some(token) = &caller.session_token {
        headers.insert("x-amz-security-token", HeaderValue::try_from(&**token)?);
    }
    let (names, headers) = canonical_headers(headers);
    let canonical = format!(
        "{}\n{}\n\n{headers}\n{names}\n{}",
        request.method(),
        encoded_again(request.uri().path()),
        hex(&Sha256::digest(request.body())),
    );
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = hmac(format!("AWS4{}", &*caller.secret_access_key).as_bytes(), &time[..8]);
    for part in [&caller.region, service, "aws4_request"] {
        key = hmac(&key, part);
    }
    let id = &caller.access_key_id;
    let signature = hex(&hmac(&key, &text));
    let signature =
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::try_from(signature)?);
    Ok(())
}

/// Of ISO 8601 the basic form, to seconds: `20241122T083205Z`.
fn basic_time(time: Timestamp) -> String {
    let text = time.to_string();
    let mut basic: String = text.chars().take_while(|c| *c != '.').filter(|c| !"-:".contains(*c)).collect();
    basic.push('Z');
    basic
}

/// The names, and the headers, each on a line of its own, in the order of the names.
fn canonical_headers(headers: &HeaderMap) -> (String, String) {
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.sort_unstable();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let lines = headers.iter().map(|(name, value)| format!("{name}:{}\n", String::from_utf8_lossy(value)));
    (names.join(";"), lines.collect())
}

/// All services but S3 encode the path, which is encoded already, once more.
fn encoded_again(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("any length will do"));
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
