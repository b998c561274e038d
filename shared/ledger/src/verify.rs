//! Verifying a log in its store, one bounded window at a time.

use eventlog_chain::{EventId, Tip, Verifier};

use crate::{EventStore, Query, Seq, StoreError};

/// What is read at a time.
const MAX_EVENTS: u64 = 1000;
const MAX_BYTES: usize = 4 << 20;

/// Where a window begins: behind an event that is taken for granted, or with the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    place: Seq,
    tip: Option<Tip>,
}

impl Start {
    /// Behind the event with this `_id`; `None` if there is no such event.
    pub async fn after(log: &impl EventStore, id: EventId) -> Result<Option<Self>, StoreError> {
        let (Some(place), Some(event)) = (log.place(id).await?, log.event(id).await?) else {
            return Ok(None);
        };
        Ok(Some(Self { place: place + 1, tip: Some(Tip::from(&event)) }))
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// So many events are good.
    pub checked: u64,
    /// The last of these.
    pub last: Option<EventId>,
    /// Whether there is more behind them.
    pub has_more: bool,
    /// The one behind them is not.
    pub invalid: Option<InvalidEvent>,
}

impl Verified {
    /// A window that begins behind what cannot be read.
    pub fn unreadable(id: Option<EventId>) -> Self {
        let reason = "what is stored is not an event".into();
        Self { has_more: true, invalid: Some(InvalidEvent { id, reason }), ..Self::default() }
    }
}

/// The first event that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent {
    /// Its `_id`, where that can be told.
    pub id: Option<EventId>,
    /// What does not fit.
    pub reason: String,
}

/// Checks up to `limit` events, each against the one before it.
pub async fn verify(log: &impl EventStore, start: Start, limit: u64) -> Result<Verified, StoreError> {
    let mut verifier = start.tip.map_or_else(Verifier::from_start, Verifier::after);
    let mut verified = Verified { has_more: true, ..Verified::default() };
    let mut at_once = MAX_EVENTS;
    while verified.has_more && verified.checked < limit {
        let count = at_once.min(limit - verified.checked);
        let query = Query::from_place(start.place + verified.checked, count as usize, MAX_BYTES);
        let page = match log.page(query).await {
            Ok(page) => page,
            Err(StoreError::Corrupt { id, .. }) if count == 1 => {
                return Ok(Verified { invalid: Verified::unreadable(id).invalid, ..verified });
            }
            // One of these cannot be read: those before it can.
            Err(StoreError::Corrupt { .. }) => {
                at_once = count / 2;
                continue;
            }
            Err(error) => return Err(error),
        };
        verified.has_more = page.has_more;
        for event in &page.events {
            if let Err(invalid) = verifier.check(event) {
                let reason = invalid.reason.to_string();
                verified.invalid = Some(InvalidEvent { id: Some(invalid.id), reason });
                return Ok(verified);
            }
            verified.checked += 1;
            verified.last = Some(event.id);
        }
    }
    Ok(verified)
}
