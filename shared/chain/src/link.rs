//! Linking: from a draft and the end of the chain to the next event.

use sha1::{Digest, Sha1};

use crate::canonical::write_string;
use crate::event::json_len;
use crate::{Event, EventId, Hash, Payload, Timestamp};

/// What an event is before it has a place in the chain. Its `_id` is fixed before the first attempt to
/// append it, so that a repeat can be told from a new event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// `_id`.
    pub id: EventId,
    /// `eventType`.
    pub event_type: String,
    /// `sourceAppId`.
    pub source_app_id: String,
    /// `dataPayload`.
    pub data_payload: Payload,
}

/// The end of a chain, as far as the next event depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// `currentHash` of the last event.
    pub hash: Hash,
    /// `timestamp` of the last event.
    pub timestamp: Timestamp,
}

impl Draft {
    /// How many bytes the event's JSON will have, if it is not the first of its chain.
    pub fn json_len(&self) -> usize {
        json_len(&self.event_type, &self.source_app_id, self.data_payload.text()) + 40
    }

    /// The event that stands behind `tip` (`None`: the first of its chain) if it is appended at `now`. Time
    /// never decreases along the chain: a clock that is behind gets the timestamp of the event before.
    pub fn link(self, tip: Option<Tip>, now: Timestamp) -> Event {
        let timestamp = tip.map_or(now, |tip| tip.timestamp.max(now));
        let previous_hash = tip.map(|tip| tip.hash);
        let content = Content {
            id: self.id,
            event_type: &self.event_type,
            source_app_id: &self.source_app_id,
            canonical_payload: self.data_payload.canonical(),
        };
        Event {
            current_hash: content.hash(timestamp, previous_hash),
            id: self.id,
            event_type: self.event_type,
            source_app_id: self.source_app_id,
            data_payload: self.data_payload.into_text(),
            timestamp,
            previous_hash,
        }
    }
}

impl From<&Event> for Tip {
    fn from(event: &Event) -> Self {
        Self { hash: event.current_hash, timestamp: event.timestamp }
    }
}

/// The part of an event that does not depend on its place in the chain.
pub(crate) struct Content<'a> {
    pub(crate) id: EventId,
    pub(crate) event_type: &'a str,
    pub(crate) source_app_id: &'a str,
    pub(crate) canonical_payload: &'a str,
}

impl Content<'_> {
    /// SHA-1 of the canonical bytes of the event without `currentHash`; the six names stand in JCS order.
    pub(crate) fn hash(&self, timestamp: Timestamp, previous: Option<Hash>) -> Hash {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(256 + self.canonical_payload.len());
        // Writing to a String cannot fail.
        let _ = write!(text, r#"{{"_id":"{}","dataPayload":"#, self.id);
        text.push_str(self.canonical_payload);
        text.push_str(r#","eventType":"#);
        write_string(self.event_type, &mut text);
        text.push_str(r#","previousHash":""#);
        if let Some(hash) = previous {
            let _ = write!(text, "{hash}");
        }
        text.push_str(r#"","sourceAppId":"#);
        write_string(self.source_app_id, &mut text);
        let _ = write!(text, r#","timestamp":"{timestamp}"}}"#);
        Hash(Sha1::digest(text.as_bytes()).into())
    }
}
