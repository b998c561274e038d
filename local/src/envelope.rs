//! API Gateway's JSON: what a function is called with, and what it answers.

pub(crate) mod http;
pub(crate) mod websocket;

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderName;
use hyper::{HeaderMap, Response};
use serde::Deserialize;

use crate::reply::Reply;

/// What a function answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer<'a> {
    pub(crate) status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Answer<'_> {
    /// The value of a header, if the function gave it.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name.as_str())).map(|(_, value)| &**value)
    }

    /// The response that the client gets.
    pub(crate) fn into_reply(self) -> Result<Reply> {
        let mut reply = Response::builder().status(self.status_code);
        for (name, value) in &self.headers {
            reply = reply.header(name, value);
        }
        Ok(reply.body(Full::from(self.into_body()?))?)
    }

    /// The bytes of the body.
    pub(crate) fn into_body(self) -> Result<Bytes> {
        let body = self.body.unwrap_or_default();
        Ok(if self.is_base64_encoded { STANDARD.decode(&*body)?.into() } else { body.into_owned().into() })
    }
}

/// Text as it is, anything else in base64; answers which of the two.
fn body_text(body: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.into(), false),
        Err(_) => (STANDARD.encode(body).into(), true),
    }
}

/// Header names in lower case, the values of one name joined by commas.
fn joined_headers(headers: &HeaderMap) -> BTreeMap<&str, Cow<'_, str>> {
    let mut joined: BTreeMap<&str, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|values| {
                let values = values.to_mut();
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    joined
}

/// The parameters of a query string, repeated ones joined by commas.
fn joined_parameters(query: &str) -> Option<BTreeMap<Cow<'_, str>, Cow<'_, str>>> {
    let mut joined: BTreeMap<Cow<'_, str>, Cow<'_, str>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined.entry(name).and_modify(|values| *values = format!("{values},{value}").into()).or_insert(value);
    }
    Some(joined).filter(|joined| !joined.is_empty())
}

/// As Apache's logs have it, in UTC: `21/Apr/2020:15:08:21 +0000`.
fn request_time(at: eventlog_ledger::Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = at.to_string();
    let month = text[5..7].parse::<usize>().map_or("", |month| MONTHS[(month - 1) % 12]);
    format!("{}/{month}/{}:{} +0000", &text[8..10], &text[..4], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_in_apaches_logs() {
        let at = eventlog_ledger::Timestamp::from_millis(1_587_481_701_067).expect("a time");
        assert_eq!(request_time(at), "21/Apr/2020:15:08:21 +0000");
    }

    #[test]
    fn repeated_headers_and_parameters_are_joined() {
        let mut headers = HeaderMap::new();
        headers.append("accept", "a".parse().expect("a value"));
        headers.append("accept", "b".parse().expect("a value"));
        assert_eq!(joined_headers(&headers)["accept"], "a,b");
        assert_eq!(joined_parameters("a=1&b=x%20y&a=2").expect("some")["a"], "1,2");
        assert_eq!(joined_parameters(""), None);
    }

    #[test]
    fn a_body_that_is_no_text_is_sent_in_base64() {
        assert_eq!(body_text(b"\xff"), ("/w==".into(), true));
        assert_eq!(body_text("é".as_bytes()), ("é".into(), false));
    }
}
