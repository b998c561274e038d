//! An event as it stands in the log, and its JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::canonical;
use crate::json::{self, Fault};
use crate::{EventId, Hash, NotATimestamp, NotHex, Timestamp, tokens};

/// A JSON text (any value) that is known to be I-JSON, with its canonical form.
///
/// The text is kept as it was written, but for the white space between its tokens: member order, `1.0` and
/// `\u0041` come back as they were sent. The hash covers the canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    text: String,
    canonical: String,
}

impl Payload {
    /// Parses `text`, nested at most `max_depth` deep.
    pub fn parse(text: &str, max_depth: usize) -> Result<Self, Fault> {
        Ok(Self { canonical: canonical_text(text, max_depth)?, text: without_white_space(text) })
    }

    /// The text as it was written, without white space between tokens.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The RFC 8785 form.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// The RFC 8785 form of a JSON text that is nested at most `max_depth` deep.
pub(crate) fn canonical_text(text: &str, max_depth: usize) -> Result<String, Fault> {
    let tree = json::parse_tree(text, max_depth)?;
    let mut out = String::with_capacity(text.len());
    canonical::write(&tree, &mut out);
    Ok(out)
}

fn without_white_space(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut plain, mut at) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = tokens::end_of_string(bytes, at),
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&text[plain..at]);
                at += 1;
                plain = at;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[plain..]);
    out
}

/// One event of the log: the seven members that every wire carries, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `_id`.
    pub id: EventId,
    /// `eventType`.
    pub event_type: String,
    /// `sourceAppId`.
    pub source_app_id: String,
    /// `dataPayload`: a JSON text without white space between tokens.
    pub data_payload: String,
    /// `timestamp`.
    pub timestamp: Timestamp,
    /// `previousHash`: `""` on the wire for the first event.
    pub previous_hash: Option<Hash>,
    /// `currentHash`.
    pub current_hash: Hash,
}

/// A JSON text is not an event.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or not these members.
    #[error("not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// `_id`, `previousHash` or `currentHash`.
    #[error("not an event: {0}")]
    Hex(#[from] NotHex),
    /// `timestamp`.
    #[error("not an event: {0}")]
    Timestamp(#[from] NotATimestamp),
    /// An event, but not as [`Event::to_json`] writes it.
    #[error("not the exact JSON of the event: other order, white space or escapes")]
    Inexact,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "_id")]
    id: String,
    event_type: String,
    source_app_id: String,
    #[serde(borrow)]
    data_payload: &'a RawValue,
    timestamp: String,
    previous_hash: String,
    current_hash: String,
}

impl Event {
    /// Reads the JSON of one event. Whether its hash is right is for [`crate::Verifier`] to say.
    pub fn from_json(text: &str) -> Result<Self, Malformed> {
        let wire: Wire<'_> = serde_json::from_str(text)?;
        let previous = Some(wire.previous_hash.as_str()).filter(|hash| !hash.is_empty());
        Ok(Self {
            id: wire.id.parse()?,
            event_type: wire.event_type,
            source_app_id: wire.source_app_id,
            data_payload: without_white_space(wire.data_payload.get()),
            timestamp: wire.timestamp.parse()?,
            previous_hash: previous.map(str::parse).transpose()?,
            current_hash: wire.current_hash.parse()?,
        })
    }

    /// The JSON of the event, on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.json_len());
        self.write_json(&mut out);
        out
    }

    /// Appends the JSON of the event to `out`.
    pub fn write_json(&self, out: &mut String) {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(out, r#"{{"_id":"{}","eventType":"#, self.id);
        canonical::write_string(&self.event_type, out);
        out.push_str(r#","sourceAppId":"#);
        canonical::write_string(&self.source_app_id, out);
        out.push_str(r#","dataPayload":"#);
        out.push_str(&self.data_payload);
        let _ = write!(out, r#","timestamp":"{}","previousHash":""#, self.timestamp);
        if let Some(hash) = &self.previous_hash {
            let _ = write!(out, "{hash}");
        }
        let _ = write!(out, r#"","currentHash":"{}"}}"#, self.current_hash);
    }

    /// How many bytes [`Event::to_json`] gives.
    pub fn json_len(&self) -> usize {
        let previous = if self.previous_hash.is_some() { 40 } else { 0 };
        json_len(&self.event_type, &self.source_app_id, &self.data_payload) + previous
    }
}

/// Bytes of an event's JSON, but for its `previousHash`.
pub(crate) fn json_len(event_type: &str, source_app_id: &str, data_payload: &str) -> usize {
    const MEMBERS: &str = r#"{"_id":"","eventType":,"sourceAppId":,"dataPayload":,"timestamp":"","previousHash":"","currentHash":""}"#;
    const FIXED: usize = MEMBERS.len() + 24 + 24 + 40;
    FIXED + canonical::string_len(event_type) + canonical::string_len(source_app_id) + data_payload.len()
}
