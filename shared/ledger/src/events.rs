//! The log: one chain of events.

use std::future::Future;
use std::ops::Range;

use eventlog_chain::{Event, EventId, Timestamp, Tip};

use crate::broadcast::Alarm;
use crate::{Filter, Submission};

/// An event's place in its log: 0, 1, 2 … without a gap. Not part of the event's JSON.
pub type Seq = u64;

/// The last event of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its place.
    pub seq: Seq,
    /// Its `_id`.
    pub id: EventId,
    /// What the next event is linked to.
    pub tip: Tip,
}

impl Head {
    /// The head of a log whose last event is `event`, at `seq`.
    pub fn of(seq: Seq, event: &Event) -> Self {
        Self { seq, id: event.id, tip: Tip::from(event) }
    }

    /// The place of the next event of a log with this head.
    pub fn next_seq(head: Option<&Self>) -> Seq {
        head.map_or(0, |head| head.seq + 1)
    }
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Only events that are wanted.
    pub filter: Filter,
    /// Only events at these places.
    pub places: Range<Seq>,
    /// Whether the log is known to have an event at the last of these places. One that does not show it, as after an
    /// election, may lack others that are wanted.
    pub is_known_to_end: bool,
    /// From which end of these places to read.
    pub order: Order,
    /// So many of them are passed over. Costs as much as reading them.
    pub skip: u64,
    /// At most this many events.
    pub limit: usize,
    /// The page ends early before the event with which its JSON, brackets and commas included, would be longer
    /// than this. Its first event is given in any case.
    pub max_bytes: usize,
}

/// From old to new, or from new to old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

impl Query {
    /// Whatever stands in the log from a place on, oldest first.
    pub fn from_place(place: Seq, limit: usize, max_bytes: usize) -> Self {
        Self {
            filter: Filter::default(),
            places: place..Seq::MAX,
            is_known_to_end: false,
            order: Order::Ascending,
            skip: 0,
            limit,
            max_bytes,
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub events: Vec<Event>,
    /// The place of each of them.
    pub places: Vec<Seq>,
    /// Whether the query has more behind them.
    pub has_more: bool,
    /// Of their JSON, a comma with each.
    bytes: usize,
}

impl Page {
    /// Takes the next event of a query, with its place, if there is room for one, and only then reads it. False: the
    /// page is at its end, and there is more behind it.
    pub fn take<E>(
        &mut self,
        query: &Query,
        read: impl FnOnce() -> Result<(Seq, Event), E>,
    ) -> Result<bool, E> {
        self.has_more = self.events.len() >= query.limit;
        if !self.has_more {
            let (place, event) = read()?;
            self.bytes += event.json_len() + 1;
            // Brackets are two bytes, and commas one less than events.
            self.has_more = self.bytes + 1 > query.max_bytes && !self.events.is_empty();
            if !self.has_more {
                self.places.push(place);
                self.events.push(event);
            }
        }
        Ok(!self.has_more)
    }
}

/// A store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer, or not in time. A read may be repeated. Of an append nothing is known: some,
    /// all or none of it may stand in the log, now or later. Repeating it with the same ids is safe.
    #[error("the store is unavailable: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be an event of this log; repeating does not help.
    #[error("the store holds what is not an event: {what}")]
    Corrupt {
        /// Its `_id`, where that can be told.
        id: Option<EventId>,
        /// What is wrong with it.
        what: String,
    },
    /// What stands in the log is not what was to be appended: ids that belong to another request, or another head.
    /// Nothing was appended.
    #[error("the log has something else there")]
    Conflict,
}

impl StoreError {
    /// Wraps the error of a driver.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }
}

/// Where the events are kept. Cloning gives another handle on the same log.
///
/// Whatever crashes, stalls or repeats: one chain, without fork or gap, and no `_id` in it twice.
pub trait EventStore: Clone + Send + Sync + 'static {
    /// What tells a broadcaster that the log has grown.
    type Alarm: Alarm;

    /// Links the drafts behind the head, in this order, and answers their events once they are durable: what
    /// was answered is never lost and never changes.
    ///
    /// A draft whose `_id` already stands in the log is not logged again; its event is answered as it stands
    /// there. So a lost answer is mended by repeating the call.
    ///
    /// Errors: [`StoreError::Unavailable`], after which a prefix of the drafts may be in the log.
    /// [`StoreError::Conflict`] where an `_id` stands in the log for [another request](Submission::is_of).
    fn append(
        &self,
        submission: impl Into<Submission> + Send,
    ) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// Appends events as they are: linked already, each to the one before it, the first to `head`. Answers the new
    /// head once they are durable. The caller has verified them.
    ///
    /// Errors: [`StoreError::Unavailable`], after which a prefix of them may be in the log; [`StoreError::Conflict`]
    /// where the log does not end with `head`.
    fn restore(
        &self,
        head: Option<Head>,
        events: Vec<Event>,
    ) -> impl Future<Output = Result<Option<Head>, StoreError>> + Send;

    /// The last event; `None` in an empty log. Sees every append that was answered before the call,
    /// except that it may lag during an election of the database.
    fn head(&self) -> impl Future<Output = Result<Option<Head>, StoreError>> + Send;

    /// The event with this `_id`, if there is one.
    fn event(&self, id: EventId) -> impl Future<Output = Result<Option<Event>, StoreError>> + Send;

    /// The place of the event with this `_id`, if there is one.
    fn place(&self, id: EventId) -> impl Future<Output = Result<Option<Seq>, StoreError>> + Send;

    /// The place of the first event that is not older than `time`; `None` where all are. (Timestamps never decrease
    /// along the chain, so all behind it are not older either.)
    fn place_in_time(&self, time: Timestamp) -> impl Future<Output = Result<Option<Seq>, StoreError>> + Send;

    /// Reads. But for what it skips, costs as much as the events it gives, wherever they stand.
    ///
    /// Errors: [`StoreError::Unavailable`] also where not even the last of the places is to be seen, and is known to be
    /// [there](Query::is_known_to_end).
    fn page(&self, query: Query) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// An alarm that rings when the log has grown, whoever appended. Of several alarms of one handle and its
    /// clones, one may hear of an append later than another.
    fn alarm(&self) -> impl Future<Output = Result<Self::Alarm, StoreError>> + Send;
}
