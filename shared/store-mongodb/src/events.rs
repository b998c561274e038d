//! The log.

use std::sync::Arc;

use eventlog_ledger::{
    Event, EventId, EventStore, Head, Page, Query, Seq, StoreError, Submission, Timestamp,
};
use mongodb::bson::doc;
use mongodb::bson::oid::ObjectId;
use tokio::sync::OnceCell;

use crate::alarm::LogAlarm;
use crate::append::Appender;
use crate::database::{Database, store_error};
use crate::documents::{self, Documents};
use crate::queries;

/// The log in the collection `events`.
#[derive(Clone)]
pub struct Events {
    documents: Documents,
    appender: Appender,
    filters: Arc<OnceCell<()>>,
}

impl Events {
    /// The log of this database.
    pub fn new(database: &Database) -> Self {
        let documents: Documents = database.0.collection("events");
        Self { appender: Appender::new(database, documents.clone()), documents, filters: Arc::default() }
    }

    /// One by one: FerretDB dies of a command with several that are there already.
    async fn ensure_filters(&self) -> Result<(), StoreError> {
        let create = async || {
            for index in queries::filters() {
                self.documents.create_index(index).await?;
            }
            Ok(())
        };
        self.filters.get_or_try_init(create).await.map(drop).map_err(store_error)
    }
}

impl EventStore for Events {
    type Alarm = LogAlarm;

    async fn append(&self, submission: impl Into<Submission> + Send) -> Result<Vec<Event>, StoreError> {
        self.appender.append(submission.into()).await
    }

    async fn restore(&self, head: Option<Head>, events: Vec<Event>) -> Result<Option<Head>, StoreError> {
        self.appender.restore(head, events).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        documents::head(&self.documents).await
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        documents::event(&self.documents, id).await
    }

    async fn place(&self, id: EventId) -> Result<Option<Seq>, StoreError> {
        let by_id = doc! { "_id": ObjectId::from_bytes(id.0) };
        documents::place(&self.documents, (by_id, doc! {})).await
    }

    async fn place_in_time(&self, time: Timestamp) -> Result<Option<Seq>, StoreError> {
        self.ensure_filters().await?;
        documents::place(&self.documents, queries::in_time(time)).await
    }

    async fn page(&self, query: Query) -> Result<Page, StoreError> {
        if !query.filter.is_empty() {
            self.ensure_filters().await?;
        }
        documents::page(&self.documents, &query).await
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        Ok(LogAlarm::new(&self.documents).await)
    }
}
