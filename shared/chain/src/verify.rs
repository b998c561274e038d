//! Verifying: does every event stand where and as it was linked?

use crate::event::canonical_text;
use crate::link::Content;
use crate::{Event, EventId, Hash, Tip};

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

/// What was found of an event by itself, and what the check of its link needs. Finding it is the costly half of
/// verifying, and takes nothing but the event: it may be done in any order, on any thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    id: EventId,
    previous_hash: Option<Hash>,
    tip: Tip,
    own_hash: Result<(), Reason>,
}

impl Checked {
    /// Computes the hash of the event.
    pub fn of(event: &Event) -> Self {
        Self {
            id: event.id,
            previous_hash: event.previous_hash,
            tip: Tip::from(event),
            own_hash: check_own_hash(event),
        }
    }
}

fn check_own_hash(event: &Event) -> Result<(), Reason> {
    let payload = canonical_text(&event.data_payload, usize::MAX).map_err(|_| Reason::DataPayload)?;
    let content = Content {
        id: event.id,
        event_type: &event.event_type,
        source_app_id: &event.source_app_id,
        canonical_payload: &payload,
    };
    let hash = content.hash(event.timestamp, event.previous_hash);
    if hash == event.current_hash { Ok(()) } else { Err(Reason::CurrentHash) }
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
        self.follow(&Checked::of(event))
    }

    /// Checks the link of the next event, whose own hash was looked at before: the cheap half.
    pub fn follow(&mut self, event: &Checked) -> Result<(), Invalid> {
        let invalid = |reason| Invalid { id: event.id, reason };
        if event.previous_hash != self.tip.map(|tip| tip.hash) {
            return Err(invalid(Reason::PreviousHash));
        }
        if self.tip.is_some_and(|tip| event.tip.timestamp < tip.timestamp) {
            return Err(invalid(Reason::Timestamp));
        }
        event.own_hash.map_err(invalid)?;
        self.tip = Some(event.tip);
        self.checked += 1;
        Ok(())
    }

    /// How many events have been found good.
    pub fn checked(&self) -> u64 {
        self.checked
    }

    /// The end of what has been found good.
    pub fn tip(&self) -> Option<Tip> {
        self.tip
    }
}
