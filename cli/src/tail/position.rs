//! Where we are in the chain.

use std::collections::VecDeque;

use eventlog_chain::{Event, EventId, Invalid, Timestamp, Tip, Verifier};

/// So many `_id`s are kept at most.
const KNOWN: usize = 10_000;

/// The last event taken, and what tells a repeat from the next one.
pub(super) struct Position {
    /// Most events are not seen, so that links cannot be checked.
    filtered: bool,
    verifier: Verifier,
    last: Option<(EventId, Timestamp)>,
    /// The events of the last one's timestamp, as far as they are known.
    known: VecDeque<EventId>,
}

impl Position {
    /// Before the first event.
    pub(super) fn beginning(filtered: bool) -> Self {
        Self { filtered, verifier: Verifier::from_start(), last: None, known: VecDeque::new() }
    }

    /// Behind an event that is taken for granted.
    pub(super) fn behind(event: &Event, filtered: bool) -> Self {
        let verifier = Verifier::after(Tip::from(event));
        Self { filtered, verifier, last: Some((event.id, event.timestamp)), known: [event.id].into() }
    }

    /// `_id` of the last event.
    pub(super) fn last(&self) -> Option<EventId> {
        self.last.map(|(id, _)| id)
    }

    /// Moves to the event; false if it is a repeat; an error if the log is not one unaltered chain.
    ///
    /// Timestamps never decrease along the chain, so what is older than the last event is a repeat, and of those as old
    /// as it the `_id` tells. Hence no more ids need keeping than one timestamp has events. That is unbounded only while
    /// the server's clock is behind: a repeat from further back than the bound is then an error, or with a filter handed
    /// out once more, but nothing is lost.
    pub(super) fn take(&mut self, event: &Event) -> Result<bool, Invalid> {
        if self.known.contains(&event.id) {
            return Ok(false);
        }
        let last = self.last.map(|(_, timestamp)| timestamp);
        let is_older = last.is_some_and(|last| event.timestamp < last);
        let is_next = event.previous_hash == self.verifier.tip().map(|tip| tip.hash);
        if is_older && (self.filtered || !is_next) {
            return Ok(false);
        }
        if self.filtered {
            check_own_hash(event)?;
        } else {
            self.verifier.check(event)?;
        }
        if last.is_some_and(|last| event.timestamp > last) {
            self.known.clear();
        }
        self.known.push_back(event.id);
        if self.known.len() > KNOWN {
            self.known.pop_front();
        }
        self.last = Some((event.id, event.timestamp));
        Ok(true)
    }
}

/// Checks the event as if what it links to were there.
fn check_own_hash(event: &Event) -> Result<(), Invalid> {
    let before = |hash| Tip { hash, timestamp: event.timestamp };
    event.previous_hash.map_or_else(Verifier::from_start, |hash| Verifier::after(before(hash))).check(event)
}
