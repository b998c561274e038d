//! The real stores, with somebody meddling.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventlog_ledger::{
    self as ledger, Connection, ConnectionStore, Event, EventId, EventStore, Head, Joined, Page, Query, Seq,
    Shard, StoreError, Submission, Timestamp,
};
use eventlog_store_sqlite::{Connections, Events, LogAlarm};
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

/// What a lease is answered with, or how it is changed.
#[derive(Clone, Copy)]
pub(crate) enum Lease {
    /// It lapses at once: as if its owner had died long ago.
    Lapsing,
    /// Everybody gets it.
    Free,
    /// Everybody gets it, but for those who ask for the nth time, from 0.
    RefusedAt(usize),
}

type Meanwhile = dyn Fn() -> BoxFuture<'static, ()> + Send + Sync;

/// Connections; what is not told otherwise is as in the real store.
#[derive(Clone)]
pub(crate) struct MeddledConnections {
    store: Connections,
    lease: Option<Lease>,
    leases: Arc<AtomicUsize>,
    /// What happens when the lease is about to be released, the first time.
    before_release: Arc<Mutex<Option<Box<Meanwhile>>>>,
    /// Asked whether this one is there, the store never answers.
    never_says: Option<&'static str>,
    /// It has been asked.
    pub(crate) asked: Arc<Notify>,
    looks_at_all: Arc<AtomicUsize>,
}

impl MeddledConnections {
    fn new(store: &Connections) -> Self {
        let store = store.clone();
        Self {
            store,
            lease: None,
            leases: Arc::default(),
            before_release: Arc::default(),
            never_says: None,
            asked: Arc::default(),
            looks_at_all: Arc::default(),
        }
    }

    /// The real store, watched.
    pub(crate) fn honest(store: &Connections) -> Self {
        Self::new(store)
    }

    /// How often all connections were asked for.
    pub(crate) fn looks_at_all(&self) -> usize {
        self.looks_at_all.load(SeqCst)
    }

    pub(crate) fn with_lease(store: &Connections, lease: Lease) -> Self {
        Self { lease: Some(lease), ..Self::new(store) }
    }

    pub(crate) fn never_says(store: &Connections, id: &'static str) -> Self {
        Self { never_says: Some(id), ..Self::new(store) }
    }

    pub(crate) fn before_release<F>(
        store: &Connections,
        meanwhile: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let meanwhile: Box<Meanwhile> = Box::new(move || Box::pin(meanwhile()));
        Self { before_release: Arc::new(Mutex::new(Some(meanwhile))), ..Self::new(store) }
    }
}

impl ConnectionStore for MeddledConnections {
    fn shard(&self, shard: Shard) -> Self {
        Self { store: self.store.shard(shard), ..self.clone() }
    }

    async fn add(&self, connection: Connection) -> Result<(), StoreError> {
        self.store.add(connection).await
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.store.remove(id).await
    }

    async fn contains(&self, id: &str) -> Result<bool, StoreError> {
        if self.never_says == Some(id) {
            self.asked.notify_one();
            pending::<()>().await;
        }
        self.store.contains(id).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.store.count().await
    }

    /// Gives everyone each time, as a store may.
    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        if mark.is_none() {
            self.looks_at_all.fetch_add(1, SeqCst);
        }
        self.store.joined(None).await
    }

    async fn advance(&self, positions: &[(String, Seq)]) -> Result<(), StoreError> {
        self.store.advance(positions).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.sweep(before).await
    }

    async fn lease(&self, owner: &str, time: Duration) -> Result<ledger::Lease, StoreError> {
        let nth = self.leases.fetch_add(1, SeqCst);
        match self.lease {
            None => self.store.lease(owner, time).await,
            Some(Lease::Lapsing) => self.store.lease(owner, Duration::ZERO).await,
            Some(Lease::RefusedAt(refused)) if nth == refused => Ok(ledger::Lease::Refused),
            Some(Lease::Free | Lease::RefusedAt(_)) => match self.store.lease(owner, time).await? {
                ledger::Lease::Kept => Ok(ledger::Lease::Kept),
                _ => Ok(ledger::Lease::New),
            },
        }
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        let meanwhile = self.before_release.lock().expect("no panic before").take();
        if let Some(meanwhile) = meanwhile {
            meanwhile().await;
        }
        self.store.release(owner).await
    }
}

/// What goes wrong, once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Reading the page from this place fails.
    Page(Seq),
    /// So does looking for the head.
    Head,
    /// The page from this place is empty.
    Nothing(Seq),
    /// One of the events from this place on cannot be read by one who replays.
    Corrupt(Seq),
    /// Replaying from this place takes until the owner has been told to stop, and fails then.
    Late(Seq),
}

/// A log; it counts the pages read from it, and fails when it is told to.
#[derive(Clone)]
pub(crate) struct MeddledLog {
    log: Events,
    pages: Arc<AtomicUsize>,
    /// A page that comes late is being read; it may fail now.
    pub(crate) reading: Arc<Notify>,
    pub(crate) fail_now: Arc<Notify>,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl MeddledLog {
    pub(crate) fn new(log: &Events) -> Self {
        Self {
            log: log.clone(),
            pages: Arc::default(),
            reading: Arc::default(),
            fail_now: Arc::default(),
            fault: Arc::default(),
        }
    }

    pub(crate) fn pages(&self) -> usize {
        self.pages.load(SeqCst)
    }

    pub(crate) fn fail(&self, fault: Fault) {
        *self.fault.lock().expect("no panic before") = Some(fault);
    }

    fn fails(&self, fault: Fault) -> bool {
        self.fault.lock().expect("no panic before").take_if(|next| *next == fault).is_some()
    }
}

impl EventStore for MeddledLog {
    type Alarm = LogAlarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        self.log.append(submission).await
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.log.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        if self.fails(Fault::Head) {
            return Err(StoreError::unavailable("it was told to fail"));
        }
        self.log.head().await
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

    async fn page(&self, query: Query) -> Result<Page, StoreError> {
        self.pages.fetch_add(1, SeqCst);
        if self.fails(Fault::Page(query.places.start)) {
            return Err(StoreError::unavailable("it was told to fail"));
        }
        if query.is_known_to_end && self.fails(Fault::Corrupt(query.places.start)) {
            return Err(StoreError::Corrupt { id: None, what: "it was told to be".into() });
        }
        if query.is_known_to_end && self.fails(Fault::Late(query.places.start)) {
            self.reading.notify_one();
            self.fail_now.notified().await;
            return Err(StoreError::unavailable("it was told to fail"));
        }
        if self.fails(Fault::Nothing(query.places.start)) {
            return Ok(Page::default());
        }
        self.log.page(query).await
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        self.log.alarm().await
    }
}
