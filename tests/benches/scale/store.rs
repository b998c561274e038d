//! Stores that are as far away as a database, and count what they are asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eventlog_ledger::{
    Connection, ConnectionStore, Event, EventId, EventStore, Head, Joined, Lease, Page, Query, Seq, Shard,
    StoreError, Submission, Timestamp,
};
use tokio::time::sleep;

use super::settings::Store as Settings;

/// A store, far away.
#[derive(Clone)]
pub(crate) struct Far<S> {
    store: S,
    settings: Settings,
    counts: Arc<Counts>,
}

/// Since the start.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) commands: AtomicU64,
    /// Commands that read events.
    pub(crate) pages: AtomicU64,
    /// Connections that were read.
    pub(crate) connections: AtomicU64,
    /// Positions that were written.
    pub(crate) positions: AtomicU64,
}

impl<S> Far<S> {
    pub(crate) fn new(store: S, settings: Settings, counts: &Arc<Counts>) -> Self {
        Self { store, settings, counts: counts.clone() }
    }

    async fn command(&self) {
        self.counts.commands.fetch_add(1, Ordering::Relaxed);
        sleep(self.settings.command).await;
    }
}

impl<S: EventStore> EventStore for Far<S> {
    type Alarm = S::Alarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        self.store.append(submission).await
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.store.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        self.command().await;
        self.store.head().await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.command().await;
        self.store.event(id).await
    }

    async fn place(&self, id: EventId) -> Result<Option<Seq>, StoreError> {
        self.command().await;
        self.store.place(id).await
    }

    async fn place_in_time(&self, time: Timestamp) -> Result<Option<Seq>, StoreError> {
        self.command().await;
        self.store.place_in_time(time).await
    }

    async fn page(&self, query: Query) -> Result<Page, StoreError> {
        self.counts.pages.fetch_add(1, Ordering::Relaxed);
        self.command().await;
        self.store.page(query).await
    }

    async fn alarm(&self) -> Result<S::Alarm, StoreError> {
        self.store.alarm().await
    }
}

impl<S: ConnectionStore> ConnectionStore for Far<S> {
    fn shard(&self, shard: Shard) -> Self {
        Self { store: self.store.shard(shard), ..self.clone() }
    }

    async fn add(&self, connection: Connection) -> Result<(), StoreError> {
        self.store.add(connection).await
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.command().await;
        self.store.remove(id).await
    }

    async fn contains(&self, id: &str) -> Result<bool, StoreError> {
        self.command().await;
        self.store.contains(id).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.command().await;
        self.store.count().await
    }

    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        self.command().await;
        let joined = self.store.joined(mark).await?;
        let read = joined.connections.len();
        self.counts.connections.fetch_add(read as u64, Ordering::Relaxed);
        sleep(self.settings.document.saturating_mul(read as u32)).await;
        Ok(joined)
    }

    async fn advance(&self, positions: &[(String, Seq)]) -> Result<(), StoreError> {
        self.command().await;
        self.counts.positions.fetch_add(positions.len() as u64, Ordering::Relaxed);
        sleep(self.settings.document.saturating_mul(positions.len() as u32)).await;
        self.store.advance(positions).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.command().await;
        self.store.sweep(before).await
    }

    async fn lease(&self, owner: &str, time: Duration) -> Result<Lease, StoreError> {
        self.command().await;
        self.store.lease(owner, time).await
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        self.command().await;
        self.store.release(owner).await
    }
}
