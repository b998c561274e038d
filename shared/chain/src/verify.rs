//! Verifying: does every event stand where and as it was linked?

use crate::link::Content;
use crate::{Event, EventId, Payload, Tip};

/// The first event that does not fit the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {id}: {reason}")]
pub struct Invalid {
    /// `_id` of the event.
    pub id: EventId,
    /// What does not fit.
    pub reason: Reason,
}

/// Why an event does not fit the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// An event before it was removed, added, changed or moved.
    #[error("previousHash is not the currentHash of the event before")]
    PreviousHash,
    /// A member of the event was changed.
    #[error("currentHash is not the hash of the event")]
    CurrentHash,
    /// The timestamp is before that of the event before.
    #[error("timestamp is before that of the event before")]
    Timestamp,
    /// The payload is not I-JSON, so it has no hash.
    #[error("dataPayload is not valid I-JSON")]
    DataPayload,
}

/// Checks events one by one, in chain order; holds no more than the end of what it has seen.
#[derive(Debug, Clone)]
pub struct Verifier {
    tip: Option<Tip>,
    checked: u64,
}

impl Verifier {
    /// Starts at the first event of a log.
    pub fn from_start() -> Self {
        Self { tip: None, checked: 0 }
    }

    /// Starts behind an event that is taken for granted.
    pub fn after(tip: Tip) -> Self {
        Self { tip: Some(tip), checked: 0 }
    }

    /// Checks the next event. After an error the verifier stands where it stood.
    pub fn check(&mut self, event: &Event) -> Result<(), Invalid> {
        let invalid = |reason| Invalid { id: event.id, reason };
        if event.previous_hash != self.tip.map(|tip| tip.hash) {
            return Err(invalid(Reason::PreviousHash));
        }
        if self.tip.is_some_and(|tip| event.timestamp < tip.timestamp) {
            return Err(invalid(Reason::Timestamp));
        }
        let payload =
            Payload::parse(&event.data_payload, usize::MAX).map_err(|_| invalid(Reason::DataPayload))?;
        let content = Content {
            id: event.id,
            event_type: &event.event_type,
            source_app_id: &event.source_app_id,
            canonical_payload: payload.canonical(),
        };
        if content.hash(event.timestamp, event.previous_hash) != event.current_hash {
            return Err(invalid(Reason::CurrentHash));
        }
        self.tip = Some(Tip::from(event));
        self.checked += 1;
        Ok(())
    }

    /// How many events have been found good.
    pub fn checked(&self) -> u64 {
        self.checked
    }
}
