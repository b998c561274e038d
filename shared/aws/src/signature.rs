//! AWS Signature Version 4, as the IAM user guide has it in "Create a signed AWS API request", for requests without
//! a query string and without `.` and `..` in the path.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use eventlog_ledger::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http::header::{AUTHORIZATION, HOST, HeaderValue, InvalidHeaderValue};
use sha2::{Digest, Sha256};

use crate::Caller;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs requests in somebody's name.
pub struct Signer {
    caller: Caller,
    /// The last key, and the scope it is for: a day, a region, a service. Four hashes make one.
    key: Mutex<(String, [u8; 32])>,
}

impl Signer {
    /// One that has signed nothing yet.
    pub fn new(caller: Caller) -> Self {
        Self { caller, key: Mutex::default() }
    }

    /// Signs all of a request as it is, with the headers that are added for it: the host, the time, the session's
    /// token. An error if one of these cannot stand in a header.
    pub fn sign(
        &self,
        request: &mut Request<Bytes>,
        service: &str,
        now: Timestamp,
    ) -> Result<(), InvalidHeaderValue> {
        let time = basic_time(now);
        let scope = format!("{}/{}/{service}/aws4_request", &time[..8], self.caller.region);
        let host = request.uri().authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::try_from(host)?;
        let headers = request.headers_mut();
        headers.insert(HOST, host);
        headers.insert("x-amz-date", HeaderValue::try_from(&time)?);
        if let Some(token) = &self.caller.session_token {
            headers.insert("x-amz-security-token", HeaderValue::try_from(&**token)?);
        }
        let (names, canonical) = canonical(request);
        let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&canonical));
        let signature = hex(&hmac(&self.key(&scope), &text));
        let id = &self.caller.access_key_id;
        let signature =
            format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::try_from(signature)?);
        Ok(())
    }

    fn key(&self, scope: &str) -> [u8; 32] {
        let mut last = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != scope {
            let secret = format!("AWS4{}", &*self.caller.secret_access_key);
            // The parts of the scope, one after the other.
            let key = scope.split('/').fold(secret.into_bytes(), |key, part| hmac(&key, part).to_vec());
            let mut fixed = [0; 32];
            fixed.copy_from_slice(&key);
            *last = (scope.to_owned(), fixed);
        }
        last.1
    }
}

/// The names of the headers, and the hash of the canonical request.
fn canonical(request: &Request<Bytes>) -> (String, [u8; 32]) {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut headers: Vec<_> = headers.collect();
    headers.sort_unstable();
    let mut hash = Sha256::new();
    let path = encoded_again(request.uri().path());
    hash.update(format!("{}\n{path}\n\n", request.method()));
    let mut names = String::new();
    for (name, value) in headers {
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
        for part in [name.as_bytes(), b":", value, b"\n"] {
            hash.update(part);
        }
    }
    hash.update(format!("\n{names}\n{}", hex(&Sha256::digest(request.body()))));
    (names, hash.finalize().into())
}

/// Of ISO 8601 the basic form, to seconds: `20241122T083205Z`.
fn basic_time(time: Timestamp) -> String {
    let text = time.to_string();
    let mut basic: String = text.chars().take_while(|c| *c != '.').filter(|c| !"-:".contains(*c)).collect();
    basic.push('Z');
    basic
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
