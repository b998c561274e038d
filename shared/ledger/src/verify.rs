//! Verifies a log in its store, one bounded window at a time.

use eventlog_chain::{Event, EventId, Tip, Verifier};

use crate::{EventStore, Head, Order, Page, Query, Seq, StoreError};

/// Maximum number of events in one read.
const MAX_PAGE_EVENTS: u64 = 1000;
/// Maximum JSON bytes in one read, and so in memory at a time; one event may exceed it.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// Maximum JSON bytes of one window; its last event may exceed it. A window of this size takes some tenths of a second
/// of a slow processor.
pub const MAX_WINDOW_BYTES: usize = 16 << 20;

const UNREADABLE: &str = "what is stored is not an event";

/// A point between two events: where a window begins or ends. All events before it are taken for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    place: Seq,
    tip: Option<Tip>,
    /// Minimum number of events in the log: it had as many when its head was last read.
    known_len: Seq,
}

impl Start {
    /// Returns the point behind the event with this `_id`; `None` if there is no such event.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn after(log: &impl EventStore, id: EventId) -> Result<Option<Self>, StoreError> {
        let (Some(place), Some(event)) = (log.place(id).await?, log.event(id).await?) else {
            return Ok(None);
        };
        Ok(Some(Self { place: place + 1, tip: Some(Tip::from(&event)), known_len: place + 1 }))
    }

    /// Returns the end of the chain at this point; `None` before the first event.
    pub fn tip(&self) -> Option<Tip> {
        self.tip
    }
}

/// The result of verifying one window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// Number of valid events.
    pub checked: u64,
    /// `_id` of the last of these.
    pub last: Option<EventId>,
    /// The point behind the valid events: where the next window begins.
    pub end: Start,
    /// Whether the log has more behind them. If not, they reach the head of the log, unless `invalid` says otherwise.
    pub has_more: bool,
    /// The fault behind them, if there is one.
    pub invalid: Option<InvalidEvent>,
}

impl Verified {
    /// Returns the result for a window that begins behind an unreadable event.
    pub fn unreadable(id: Option<EventId>) -> Self {
        Self { has_more: true, invalid: Some(InvalidEvent::unreadable(id)), ..Self::default() }
    }
}

/// The first event that does not fit, or is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent {
    /// Its `_id`, where that is known.
    pub id: Option<EventId>,
    /// The fault.
    pub reason: String,
}

impl InvalidEvent {
    fn unreadable(id: Option<EventId>) -> Self {
        Self { id, reason: UNREADABLE.into() }
    }
}

/// Checks up to `limit` events, each against the one before it. A window ends early with [`MAX_WINDOW_BYTES`].
///
/// The end of the log is valid only if it is the head that was read: a store that was cut off shows fewer events.
///
/// # Errors
///
/// [`StoreError::Unavailable`]. An unreadable event or head is part of the result.
pub async fn verify(log: &impl EventStore, start: Start, limit: u64) -> Result<Verified, StoreError> {
    let mut window = Window::at(start, limit);
    let mut head = read_head(log).await?;
    window.read(log).await?;
    if window.fault_at_end(&head).is_some() {
        // During an election of the database, one of the two reads may lag.
        head = read_head(log).await?;
        window.read(log).await?;
    }
    let at_end = window.fault_at_end(&head);
    let Verified { invalid, .. } = window.verified;
    Ok(Verified { invalid: invalid.or(at_end), ..window.verified })
}

/// The head, or the `_id` of the unreadable event that stands there.
type ReadHead = Result<Option<Head>, Option<EventId>>;

async fn read_head(log: &impl EventStore) -> Result<ReadHead, StoreError> {
    match log.head().await {
        Ok(head) => Ok(Ok(head)),
        Err(StoreError::Corrupt { id, .. }) => Ok(Err(id)),
        Err(error) => Err(error),
    }
}

/// A window, as far as it is read.
struct Window {
    verifier: Verifier,
    verified: Verified,
    limit: u64,
    bytes: usize,
    /// Events of the next read: fewer where some of them cannot be read.
    at_once: u64,
}

impl Window {
    fn at(start: Start, limit: u64) -> Self {
        Self {
            verifier: start.tip.map_or_else(Verifier::from_start, Verifier::after),
            verified: Verified { end: start, ..Verified::default() },
            limit,
            bytes: 0,
            at_once: MAX_PAGE_EVENTS,
        }
    }

    /// Reads and checks until the window is full, the log ends or an event does not fit.
    async fn read(&mut self, log: &impl EventStore) -> Result<(), StoreError> {
        self.verified.has_more = true;
        while self.verified.has_more
            && self.verified.invalid.is_none()
            && self.verified.checked < self.limit
            && self.bytes < MAX_WINDOW_BYTES
        {
            match self.next_page(log).await? {
                Ok(page) => self.check(&page),
                Err(id) => self.verified.invalid = Some(InvalidEvent::unreadable(id)),
            }
        }
        Ok(())
    }

    /// Reads the next events; or the `_id` of an unreadable one, if that is the next.
    async fn next_page(
        &mut self,
        log: &impl EventStore,
    ) -> Result<Result<Page, Option<EventId>>, StoreError> {
        let bytes = MAX_PAGE_BYTES.min(MAX_WINDOW_BYTES - self.bytes);
        loop {
            let count = self.at_once.min(self.limit - self.verified.checked);
            match log.page(Query::from_place(self.verified.end.place, count as usize, bytes)).await {
                // One of several events is unreadable; those before it are not.
                Err(StoreError::Corrupt { .. }) if count > 1 => self.at_once = count / 2,
                Err(StoreError::Corrupt { id, .. }) => return Ok(self.next_alone(log).await?.ok_or(id)),
                page => return page.map(Ok),
            }
        }
    }

    /// Reads the next event and does not touch the one behind it, which a store may read to know that it is there.
    async fn next_alone(&self, log: &impl EventStore) -> Result<Option<Page>, StoreError> {
        let place = self.verified.end.place;
        let query =
            Query { places: 0..place + 1, order: Order::Descending, ..Query::from_place(place, 1, 1) };
        match log.page(query).await {
            Ok(mut page) if page.places.first() == Some(&place) => {
                page.has_more = true;
                Ok(Some(page))
            }
            Ok(_) | Err(StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn check(&mut self, page: &Page) {
        self.verified.has_more = page.has_more;
        for (event, place) in page.events.iter().zip(&page.places) {
            if let Err(reason) = self.check_event(event, *place) {
                self.verified.invalid = Some(InvalidEvent { id: Some(event.id), reason });
                return;
            }
            self.bytes += event.json_len();
            self.verified.checked += 1;
            self.verified.last = Some(event.id);
            self.verified.end.place += 1;
            self.verified.end.tip = self.verifier.tip();
        }
    }

    fn check_event(&mut self, event: &Event, place: Seq) -> Result<(), String> {
        self.verifier.check(event).map_err(|invalid| invalid.reason.to_string())?;
        let expected = self.verified.end.place;
        if place == expected { Ok(()) } else { Err(format!("its seq is {place} and not {expected}")) }
    }

    /// Returns the fault at the end of the log, where the window has come to it: it must be the head that was read.
    fn fault_at_end(&mut self, head: &ReadHead) -> Option<InvalidEvent> {
        let end = &mut self.verified.end;
        let len = head.as_ref().map_or(0, |head| Head::next_seq(head.as_ref()));
        let known_len = end.known_len.max(len);
        let is_shorter = head.is_ok() && len < end.known_len;
        end.known_len = known_len;
        if self.verified.has_more || self.verified.invalid.is_some() {
            return None;
        }
        let invalid = |id, reason| Some(InvalidEvent { id, reason });
        match head {
            Err(id) => invalid(*id, format!("the head of the log cannot be read: {UNREADABLE}")),
            Ok(head) if is_shorter || end.place < known_len => {
                let id = head.filter(|_| !is_shorter).map(|head| head.id);
                invalid(id, format!("the log is cut off here: its last event had seq {}", known_len - 1))
            }
            Ok(Some(head)) if end.place == len && end.tip != Some(head.tip) => {
                invalid(Some(head.id), "the head of the log is another event".into())
            }
            Ok(_) => None,
        }
    }
}
