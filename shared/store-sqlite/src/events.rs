//! The log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventlog_ledger::{
    Event, EventId, EventStore, Head, Page, Query, Seq, StoreError, Submission, Timestamp,
};
use tokio::sync::Notify;

use crate::alarm::LogAlarm;
use crate::checkpoints;
use crate::error::{is_damage, store_error};
use crate::identity::Identity;
use crate::readers::Readers;
use crate::rows::{event, head, page, place, place_in_time};
use crate::schema::{Durability, OpenError, open};
use crate::writer::Writer;

/// The log in one SQLite file, which any number of processes may use at a time.
#[derive(Clone)]
pub struct Events {
    path: Arc<PathBuf>,
    writer: Writer,
    readers: Readers,
    appended: Arc<Notify>,
}

impl Events {
    /// Opens `folder/events.db`, or makes it.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong with the folder or the file.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, OpenError> {
        let (path, mut connection) = open(folder, durability)?;
        let database = |source| OpenError::database(&path, source);
        // Reading opens the write-ahead log, which is created if need be.
        head(&connection)
            .map(drop)
            .or_else(|error| if is_damage(&error) { Ok(()) } else { Err(database(error)) })?;
        let identity =
            Identity::of(&path).map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let identity = Arc::new(identity);
        checkpoints::start(&path, &mut connection, identity.clone()).map_err(database)?;
        let appended = Arc::new(Notify::new());
        Ok(Self {
            writer: Writer::start(connection, identity.clone(), appended.clone()),
            readers: Readers::new(path.clone(), identity),
            path: Arc::new(path),
            appended,
        })
    }

    /// Copies everything committed into the file, which alone is the log from then on, until the next append.
    ///
    /// # Errors
    /// If the files are no longer those that were opened, or the copy failed. A failed copy loses nothing.
    pub async fn close(self) -> Result<(), StoreError> {
        self.writer.close().await
    }
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
        self.readers.read(head).await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.readers.read(move |connection| event(connection, id)).await
    }

    async fn place(&self, id: EventId) -> Result<Option<Seq>, StoreError> {
        self.readers.read(move |connection| place(connection, id)).await
    }

    async fn place_in_time(&self, time: Timestamp) -> Result<Option<Seq>, StoreError> {
        self.readers.read(move |connection| place_in_time(connection, time)).await
    }

    async fn page(&self, query: Query) -> Result<Page, StoreError> {
        self.readers.read(move |connection| page(connection, &query)).await
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        LogAlarm::new(&self.path, self.appended.clone()).map_err(store_error)
    }
}
