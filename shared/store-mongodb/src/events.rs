//! The log.

use eventlog_ledger::{Draft, Event, EventId, EventStore, Head, Page, StoreError};

use crate::alarm::LogAlarm;
use crate::append::Appender;
use crate::database::Database;
use crate::documents::{self, Documents};

/// The log in the collection `events`.
#[derive(Clone)]
pub struct Events {
    documents: Documents,
    appender: Appender,
}

impl Events {
    /// The log of this database.
    pub fn new(database: &Database) -> Self {
        let documents: Documents = database.0.collection("events");
        Self { appender: Appender::new(database, documents.clone()), documents }
    }
}

impl EventStore for Events {
    type Alarm = LogAlarm;

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
        self.appender.append(drafts).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        documents::head(&self.documents).await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        documents::event(&self.documents, id).await
    }

    async fn page(&self, page: Page) -> Result<Vec<Event>, StoreError> {
        documents::page(&self.documents, page).await
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        Ok(LogAlarm::new(&self.documents).await)
    }
}
