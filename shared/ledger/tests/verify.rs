//! Verifying a log in a store that does not show all of it.

use eventlog_ledger::verify::{MAX_WINDOW_BYTES, Start, Verified, verify};
use eventlog_ledger::{
    Event, EventId, EventStore, Head, Order, Page, Query, Seq, StoreError, Submission, Timestamp,
};
use eventlog_store_sqlite::{Durability, Events, LogAlarm};
use eventlog_testing::draft;
use tempfile::TempDir;

/// A log with faults.
#[derive(Clone)]
struct Faulty {
    log: Events,
    /// The pages show only events before this place.
    end: Seq,
    /// Reading the event at this place fails, also while looking for the one after that before it.
    unreadable: Option<Seq>,
    head: ShownHead,
}

/// What the store tells of the head.
#[derive(Clone, Copy)]
enum ShownHead {
    Right,
    Unreadable,
    Other(Option<Head>),
}

impl Faulty {
    /// A log of `count` events, without any fault.
    async fn with(count: usize) -> (TempDir, Self) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Events::open(folder.path(), Durability::Process).expect("a log");
        log.append((0..count).map(|_| draft("E", "{}")).collect::<Vec<_>>()).await.expect("appended");
        (folder, Self { log, end: Seq::MAX, unreadable: None, head: ShownHead::Right })
    }

    /// Verifies all of it in windows of `limit` events.
    async fn verify(&self, limit: u64) -> (u64, Verified) {
        let (mut checked, mut start) = (0, Start::default());
        loop {
            let window = verify(self, start, limit).await.expect("a result");
            checked += window.checked;
            start = window.end;
            if window.invalid.is_some() || !window.has_more {
                return (checked, window);
            }
        }
    }

    /// Asserts that the first fault is behind `checked` events, however the log is cut into windows.
    async fn assert_invalid(&self, checked: u64, reason: &str) {
        for limit in [1, 2, 3, 10, 10_000] {
            let (found, window) = self.verify(limit).await;
            let invalid = window.invalid.unwrap_or_else(|| panic!("valid, in windows of {limit}: {reason}"));
            assert_eq!((found, invalid.reason.as_str()), (checked, reason), "in windows of {limit}");
        }
    }
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { id: None, what: "it was told to".into() }
}

impl EventStore for Faulty {
    type Alarm = LogAlarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        self.log.append(submission).await
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.log.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        match self.head {
            ShownHead::Right => self.log.head().await,
            ShownHead::Unreadable => Err(corrupt()),
            ShownHead::Other(head) => Ok(head),
        }
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.log.event(id).await
    }

    async fn place(&self, id: EventId) -> Result<Option<Seq>, StoreError> {
        self.log.place(id).await
    }

    async fn place_in_time(&self, time: Timestamp) -> Result<Option<Seq>, StoreError> {
        self.log.place_in_time(time).await
    }

    async fn page(&self, mut query: Query) -> Result<Page, StoreError> {
        query.places.end = query.places.end.min(self.end);
        // One more is looked at, as a database does to know that it is there.
        let looked_at = match query.order {
            Order::Ascending => {
                query.places.start..query.places.end.min(query.places.start + query.limit as u64 + 1)
            }
            Order::Descending => query.places.end.saturating_sub(query.limit as u64 + 1)..query.places.end,
        };
        match self.unreadable {
            Some(place) if looked_at.contains(&place) => Err(corrupt()),
            _ => self.log.page(query).await,
        }
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        self.log.alarm().await
    }
}

#[tokio::test]
async fn a_log_that_ends_before_its_head_is_not_valid() {
    let (_folder, mut log) = Faulty::with(9).await;
    let (checked, window) = log.verify(4).await;
    assert_eq!((checked, window.invalid), (9, None));
    for end in [0, 1, 4, 8] {
        log.end = end;
        log.assert_invalid(end, "the log is cut off here: its last event had seq 8").await;
    }
}

#[tokio::test]
async fn an_unreadable_head_is_not_valid() {
    let (_folder, mut log) = Faulty::with(9).await;
    log.head = ShownHead::Unreadable;
    log.assert_invalid(9, "the head of the log cannot be read: what is stored is not an event").await;
}

#[tokio::test]
async fn a_head_that_is_not_the_last_event_is_not_valid() {
    let (_folder, mut log) = Faulty::with(9).await;
    let head = log.log.head().await.expect("a head").expect("an event");
    let mut other = head;
    other.tip.hash.0[0] ^= 1;
    log.head = ShownHead::Other(Some(other));
    log.assert_invalid(9, "the head of the log is another event").await;
}

/// A log that is longer at the end of a window than its head was at the beginning has grown meanwhile.
#[tokio::test]
async fn an_older_head_is_valid() {
    let (_folder, mut log) = Faulty::with(2).await;
    let head = log.log.head().await.expect("a head");
    log.log.append(vec![draft("E", "{}")]).await.expect("appended");
    for head in [None, head] {
        log.head = ShownHead::Other(head);
        let window = verify(&log, Start::default(), 10).await.expect("a result");
        assert_eq!((window.checked, window.invalid), (3, None));
    }
}

#[tokio::test]
async fn a_log_that_becomes_shorter_between_two_windows_is_not_valid() {
    let (_folder, mut log) = Faulty::with(9).await;
    let first = log.log.page(Query::from_place(0, 1, 1000)).await.expect("a page").events.remove(0);
    let window = verify(&log, Start::default(), 5).await.expect("a result");
    for end in [0, 1, 5, 7] {
        log.end = end;
        log.head = ShownHead::Other((end > 0).then(|| Head::of(end - 1, &first)));
        let rest = verify(&log, window.end, 5).await.expect("a result");
        assert_eq!(rest.checked, end.saturating_sub(5));
        let reason = rest.invalid.expect("a fault").reason;
        assert_eq!(reason, "the log is cut off here: its last event had seq 8", "cut at {end}");
    }
}

/// Also where the store fails on the event before it, because it looks whether there is a next one.
#[tokio::test]
async fn the_place_of_an_unreadable_event_is_found() {
    let (_folder, mut log) = Faulty::with(9).await;
    for place in [0, 1, 4, 8] {
        log.unreadable = Some(place);
        log.assert_invalid(place, "what is stored is not an event").await;
    }
}

#[tokio::test]
async fn a_place_that_is_passed_over_is_not_valid() {
    let (folder, log) = Faulty::with(9).await;
    let file = rusqlite_of(&folder);
    file.execute_batch(
        "UPDATE events SET seq = -seq WHERE seq > 4; UPDATE events SET seq = 10 - seq WHERE seq < 0",
    )
    .expect("moved");
    log.assert_invalid(5, "its seq is 15 and not 5").await;
}

fn rusqlite_of(folder: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(folder.path().join("events.db")).expect("the file")
}

/// Two large events more than a window holds.
#[tokio::test]
async fn a_window_ends_by_bytes() {
    let (_folder, log) = Faulty::with(0).await;
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let count = MAX_WINDOW_BYTES / 100_000 + 2;
    log.append((0..count).map(|_| draft("E", &payload)).collect::<Vec<_>>()).await.expect("appended");
    let window = verify(&log, Start::default(), 10_000).await.expect("a result");
    assert!(window.has_more && window.invalid.is_none(), "{window:?}");
    assert!((100..count as u64).contains(&window.checked), "{window:?}");
    assert_eq!(log.verify(10_000).await.0, count as u64);
}
