//! The log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventlog_ledger::{
    Event, EventId, EventStore, Head, Page, Query, Seq, StoreError, Submission, Timestamp,
};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::alarm::LogAlarm;
use crate::checkpoints;
use crate::rows::{event, head, page, place, place_in_time, store_error};
use crate::schema::{Durability, OpenError, open, open_reader};
use crate::writer::Writer;

/// The log in one SQLite file, which any number of processes may use at a time.
#[derive(Clone)]
pub struct Events {
    path: Arc<PathBuf>,
    writer: Writer,
    /// Connections that nobody reads with just now.
    idle: Arc<Mutex<Vec<Connection>>>,
    appended: Arc<Notify>,
}

/// Idle connections to keep; each holds up to 2 MB of pages.
const MAX_IDLE: usize = 4;

impl Events {
    /// Opens `folder/events.db`, or makes it.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let (path, mut connection) = open(folder, durability)?;
        let database = |source| OpenError::Database { path: path.clone(), source };
        checkpoints::start(&path, &mut connection).map_err(database)?;
        let appended = Arc::new(Notify::new());
        Ok(Self {
            path: Arc::new(path),
            writer: Writer::start(connection, appended.clone()),
            idle: Arc::default(),
            appended,
        })
    }

    /// Takes all that was committed over into the file, which alone is the log from then on, until somebody appends. What
    /// fails loses nothing.
    pub async fn close(self) {
        let _ = tokio::task::spawn_blocking(move || checkpoints::take_all_over(&self.path)).await;
    }

    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let job = move || {
            let taken = lock(&idle).pop();
            let connection = taken.map_or_else(|| open_reader(&path), Ok)?;
            let answer = query(&connection)?;
            let mut idle = lock(&idle);
            if idle.len() < MAX_IDLE {
                idle.push(connection);
            }
            Ok(answer)
        };
        let answer: rusqlite::Result<T> =
            tokio::task::spawn_blocking(job).await.map_err(StoreError::unavailable)?;
        answer.map_err(store_error)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventStore for Events {
    type Alarm = LogAlarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        self.writer.append(submission.into()).await
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.writer.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        self.read(head).await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.read(move |connection| event(connection, id)).await
    }

    async fn place(&self, id: EventId) -> Result<Option<Seq>, StoreError> {
        self.read(move |connection| place(connection, id)).await
    }

    async fn place_in_time(&self, time: Timestamp) -> Result<Option<Seq>, StoreError> {
        self.read(move |connection| place_in_time(connection, time)).await
    }

    async fn page(&self, query: Query) -> Result<Page, StoreError> {
        self.read(move |connection| page(connection, &query)).await
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        LogAlarm::new(&self.path, self.appended.clone()).map_err(store_error)
    }
}
