//! The newest events, as messages, shared by all who are nearly caught up.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{Event, EventStore, Query, Seq, StoreError, Timestamp};

/// Bytes of messages that a window keeps.
const MAX_BYTES: usize = 4 << 20;
/// Events read at a time, and messages handed to one delivery.
pub(super) const MAX_EVENTS: usize = 256;
/// Bytes of them, but for the last: what a connection that takes nothing holds in memory.
const MAX_DELIVERY: usize = 128 << 10;

/// Messages of consecutive events, and when these were logged.
#[derive(Default)]
pub(super) struct Window {
    first: Seq,
    messages: VecDeque<(Bytes, Timestamp)>,
    bytes: usize,
}

impl Window {
    /// Place behind the last event in the window.
    pub(super) fn end(&self) -> Seq {
        self.first + self.messages.len() as Seq
    }

    /// Goes to `place`, empty, unless the window has got there already.
    pub(super) fn skip_to(&mut self, place: Seq) {
        if place > self.end() {
            *self = Self { first: place, ..Self::default() };
        }
    }

    /// Reads the next page of the log, dropping the oldest messages where there are too many.
    pub(super) async fn read_on<L: EventStore>(&mut self, log: &L) -> Result<(), StoreError> {
        for event in read(log, self.end()).await? {
            let message = Bytes::from(event.to_json());
            self.bytes += message.len();
            self.messages.push_back((message, event.timestamp));
        }
        while self.bytes > MAX_BYTES {
            let Some((oldest, _)) = self.messages.pop_front() else { break };
            self.bytes -= oldest.len();
            self.first += 1;
        }
        Ok(())
    }

    /// Some messages from `place` on; `None` if the window no longer reaches back so far.
    pub(super) fn from(&self, place: Seq) -> Option<Vec<Bytes>> {
        let skip = self.index(place)?;
        let mut bytes = 0;
        let fits = |message: &&Bytes| {
            let before = bytes;
            bytes += message.len();
            before < MAX_DELIVERY
        };
        let messages = self.messages.iter().map(|(message, _)| message);
        Some(messages.skip(skip).take(MAX_EVENTS).take_while(fits).cloned().collect())
    }

    /// When the event at `place` was logged, if it is in the window.
    pub(super) fn logged(&self, place: Seq) -> Option<Timestamp> {
        self.messages.get(self.index(place)?).map(|(_, logged)| *logged)
    }

    fn index(&self, place: Seq) -> Option<usize> {
        usize::try_from(place.checked_sub(self.first)?).ok()
    }
}

/// A page of events from `place` on, where the log is known to have one.
pub(super) async fn read<L: EventStore>(log: &L, place: Seq) -> Result<Vec<Event>, StoreError> {
    let events = log.page(Query::from_place(place, MAX_EVENTS, MAX_DELIVERY)).await?.events;
    if events.is_empty() {
        // Asking again at once could go on for ever.
        return Err(StoreError::unavailable(format!("the log has no event at {place}, and had one")));
    }
    Ok(events)
}
