//! The one text that an event has as a line of an export.

use crate::{Event, Malformed, canonical, tokens};

impl Event {
    /// Reads what [`Event::to_json`] writes, and nothing else: another order of the members or white space between
    /// them is refused, so that reading and writing a log changes no byte. Of the payload only that is looked at;
    /// whether it is JSON is for [`crate::Checked`] to say, as it reads it anyway.
    pub fn from_line(text: &str) -> Result<Self, Malformed> {
        if let Some(event) = exact(text) {
            return Ok(event);
        }
        Self::from_json(text)?;
        Err(Malformed::Inexact)
    }
}

fn exact(text: &str) -> Option<Event> {
    let (id, rest) = text.strip_prefix(r#"{"_id":""#)?.split_at_checked(24)?;
    let (event_type, rest) = string(rest.strip_prefix(r#"","eventType":"#)?)?;
    let (source_app_id, rest) = string(rest.strip_prefix(r#","sourceAppId":"#)?)?;
    let rest = rest.strip_prefix(r#","dataPayload":"#)?;
    // What follows the payload has a fixed form, so the rest is read from its end.
    let (rest, current_hash) = last(rest.strip_suffix(r#""}"#)?, 40)?;
    let (rest, previous_hash) = rest.strip_suffix(r#"","currentHash":""#)?.rsplit_once('"')?;
    let (rest, timestamp) = last(rest.strip_suffix(r#"","previousHash":"#)?, 24)?;
    let data_payload = rest.strip_suffix(r#","timestamp":""#)?;
    let previous_hash = Some(previous_hash).filter(|hash| !hash.is_empty());
    Some(Event {
        id: id.parse().ok()?,
        event_type,
        source_app_id,
        data_payload: is_compact(data_payload).then(|| data_payload.to_owned())?,
        timestamp: timestamp.parse().ok()?,
        previous_hash: previous_hash.map(str::parse).transpose().ok()?,
        current_hash: current_hash.parse().ok()?,
    })
}

/// Takes the JSON string at the start of `text`, if it is written as we write it.
fn string(text: &str) -> Option<(String, &str)> {
    let (token, rest) = text.split_at_checked(tokens::end_of_string(text.as_bytes(), 0))?;
    let plain = token.strip_prefix('"')?.strip_suffix('"')?;
    if plain.bytes().all(|byte| byte != b'\\' && byte >= b' ') {
        return Some((plain.to_owned(), rest));
    }
    let value: String = serde_json::from_str(token).ok()?;
    let mut written = String::with_capacity(token.len());
    canonical::write_string(&value, &mut written);
    (written == token).then_some((value, rest))
}

/// Whether there is no white space between the tokens.
fn is_compact(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = tokens::end_of_string(bytes, at),
            b' ' | b'\t' | b'\n' | b'\r' => return false,
            _ => at += 1,
        }
    }
    true
}

/// Cuts the last `len` bytes off.
fn last(text: &str, len: usize) -> Option<(&str, &str)> {
    text.split_at_checked(text.len().checked_sub(len)?)
}
