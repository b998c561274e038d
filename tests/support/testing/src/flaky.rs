//! A store that fails when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use eventlog_ledger::{
    Event, EventId, EventStore, Head, Page, Query, Seq, StoreError, Submission, Timestamp,
};

/// When an append fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was stored.
    Before,
    /// All was stored, and the answer got lost.
    After,
}

/// Passes everything on, but for the appends that are to fail.
#[derive(Clone)]
pub struct Flaky<L> {
    log: L,
    faults: Arc<Mutex<VecDeque<Fault>>>,
}

impl<L> Flaky<L> {
    /// The next appends fail so, one after the other; those after them work.
    pub fn new(log: L, faults: impl IntoIterator<Item = Fault>) -> Self {
        Self { log, faults: Arc::new(Mutex::new(faults.into_iter().collect())) }
    }
}

impl<L: EventStore> EventStore for Flaky<L> {
    type Alarm = L::Alarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if fault == Some(Fault::Before) {
            return Err(StoreError::unavailable("it was told to fail before"));
        }
        let events = self.log.append(submission).await?;
        match fault {
            None => Ok(events),
            Some(_) => Err(StoreError::unavailable("it was told to fail after")),
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
