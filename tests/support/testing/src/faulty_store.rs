//! A store with configured faults.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use eventlog_ledger::{
    Event, EventId, EventStore, Head, Page, Query, Seq, StoreError, Submission, Timestamp,
};

/// The fault of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendFault {
    /// The append fails and stores nothing.
    BeforeStore,
    /// The append stores all events, then fails.
    AfterStore,
}

/// A store that forwards all calls, except for appends that fail.
#[derive(Clone)]
pub struct FaultyStore<L> {
    log: L,
    faults: Arc<Mutex<VecDeque<AppendFault>>>,
}

impl<L> FaultyStore<L> {
    /// Returns a store whose next appends have these faults, one each. Later appends succeed.
    pub fn new(log: L, faults: impl IntoIterator<Item = AppendFault>) -> Self {
        Self { log, faults: Arc::new(Mutex::new(faults.into_iter().collect())) }
    }
}

impl<L: EventStore> EventStore for FaultyStore<L> {
    type Alarm = L::Alarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if fault == Some(AppendFault::BeforeStore) {
            return Err(StoreError::unavailable("injected fault before the append"));
        }
        let events = self.log.append(submission).await?;
        match fault {
            None => Ok(events),
            Some(_) => Err(StoreError::unavailable("injected fault after the append")),
        }
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.log.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
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
        self.log.page(query).await
    }

    async fn alarm(&self) -> Result<Self::Alarm, StoreError> {
        self.log.alarm().await
    }
}
