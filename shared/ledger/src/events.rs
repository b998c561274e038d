//! The log: one chain of events.

use std::future::Future;

use eventlog_chain::{Draft, Event, EventId, Tip};

use crate::broadcast::Alarm;

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

/// A stretch of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Place of the first event.
    pub from: Seq,
    /// At most this many events.
    pub limit: usize,
    /// The page ends early before the event with which its JSON, brackets and commas included, would be longer
    /// than this. Its first event is given in any case.
    pub max_bytes: usize,
}

/// A store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not answer, or not in time. A read may be repeated. Of an append nothing is known: some,
    /// all or none of it may stand in the log, now or later. Repeating it with the same ids is safe.
    #[error("the store is unavailable: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be an event of this log; repeating does not help.
    #[error("the store holds what is not an event: {0}")]
    Corrupt(String),
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
    /// there, whatever the draft holds. So a lost answer is mended by repeating the call.
    ///
    /// Errors: [`StoreError::Unavailable`], after which a prefix of the drafts may be in the log.
    fn append(&self, drafts: Vec<Draft>) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// The last event; `None` in an empty log. Sees every append that was answered before the call.
    fn head(&self) -> impl Future<Output = Result<Option<Head>, StoreError>> + Send;

    /// The event with this `_id`, if there is one.
    fn event(&self, id: EventId) -> impl Future<Output = Result<Option<Event>, StoreError>> + Send;

    /// A stretch of the log, oldest first; empty behind the head. Costs the same at any depth.
    fn page(&self, page: Page) -> impl Future<Output = Result<Vec<Event>, StoreError>> + Send;

    /// An alarm that rings when the log has grown, whoever appended. Of several alarms of one handle and its
    /// clones, one may hear of an append later than another.
    fn alarm(&self) -> impl Future<Output = Result<Self::Alarm, StoreError>> + Send;
}
