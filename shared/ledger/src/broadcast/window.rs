//! The newest events, as messages, shared by all who are nearly caught up.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use crate::{Event, EventStore, Filter, Query, Seq, StoreError, Timestamp};

/// Bytes of messages that a window keeps.
const MAX_BYTES: usize = 4 << 20;
/// Events read at a time, and messages handed to one delivery.
pub(super) const MAX_EVENTS: usize = 256;
/// Bytes of them, but for the last: what a connection that takes nothing holds in memory.
pub(super) const MAX_DELIVERY: usize = 128 << 10;

/// Messages of consecutive events.
#[derive(Default)]
pub(super) struct Window {
    first: Seq,
    messages: VecDeque<Message>,
    bytes: usize,
}

struct Message {
    json: Bytes,
    event_type: String,
    source_app_id: String,
    logged: Timestamp,
}

/// What somebody wants of a stretch of the log: each message with the place of its event.
#[derive(Default)]
pub(super) struct Stretch {
    pub(super) messages: Vec<(Seq, Bytes)>,
    /// Place behind the stretch.
    pub(super) to: Seq,
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

    /// Reads the next page of the log, dropping the oldest messages where there are too many. Answers every filter that
    /// wants any of what is new.
    pub(super) async fn read_on<L: EventStore>(&mut self, log: &L) -> Result<HashSet<Filter>, StoreError> {
        let mut wanted_by = HashSet::new();
        for event in read(log, self.end()).await? {
            wanted_by.extend(Filter::all_that_want(&event));
            let json = Bytes::from(event.to_json());
            self.bytes += json.len();
            let Event { event_type, source_app_id, timestamp: logged, .. } = event;
            self.messages.push_back(Message { json, event_type, source_app_id, logged });
        }
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.json.len();
            self.first += 1;
        }
        Ok(wanted_by)
    }

    /// What the filter wants from `place` on, as much as one delivery takes; `None` if the window no longer reaches back
    /// so far.
    pub(super) fn from(&self, place: Seq, filter: &Filter) -> Option<Stretch> {
        let mut stretch = Stretch { messages: Vec::new(), to: place };
        let mut bytes = 0;
        // Skipping one by one what comes before could cost more than the delivery.
        let start = self.index(place)?.min(self.messages.len());
        for message in self.messages.range(start..) {
            if filter.wants(&message.event_type, &message.source_app_id) {
                if stretch.messages.len() == MAX_EVENTS || bytes >= MAX_DELIVERY {
                    break;
                }
                bytes += message.json.len();
                stretch.messages.push((stretch.to, message.json.clone()));
            }
            stretch.to += 1;
        }
        Some(stretch)
    }

    /// When the event at `place` was logged, if it is in the window.
    pub(super) fn logged(&self, place: Seq) -> Option<Timestamp> {
        self.messages.get(self.index(place)?).map(|message| message.logged)
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
        return Err(missing(place));
    }
    Ok(events)
}

/// What the filter wants from `place` on, read for one alone, in a log that is known to end at `end` or behind it.
pub(super) async fn replay<L: EventStore>(
    log: &L,
    place: Seq,
    end: Seq,
    filter: &Filter,
) -> Result<Stretch, StoreError> {
    let query = Query {
        filter: filter.clone(),
        places: place..end,
        is_known_to_end: true,
        ..Query::from_place(place, MAX_EVENTS, MAX_DELIVERY)
    };
    let page = log.page(query).await?;
    if filter.is_empty() && page.events.is_empty() {
        return Err(missing(place));
    }
    let to = match page.places.last() {
        Some(last) if page.has_more || filter.is_empty() => last + 1,
        _ => end,
    };
    let messages = page.events.iter().map(|event| Bytes::from(event.to_json()));
    Ok(Stretch { messages: page.places.into_iter().zip(messages).collect(), to })
}

fn missing(place: Seq) -> StoreError {
    StoreError::unavailable(format!("the log has no event at {place}, and had one"))
}
