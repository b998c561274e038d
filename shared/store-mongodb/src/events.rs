//! The log.

use std::collections::HashMap;
use std::sync::Arc;

use eventlog_ledger::{Draft, Event, EventId, EventStore, Head, Page, Seq, StoreError, Timestamp};
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OnceCell};

use crate::alarm::LogAlarm;
use crate::database::{Database, store_error};

/// The log in the collection `events`.
#[derive(Clone)]
pub struct Events {
    pub(crate) collection: Collection<EventDocument>,
    indexed: Arc<OnceCell<()>>,
    /// The head that this process knows of. One append at a time: the others of this process would only
    /// collide with it.
    pub(crate) head: Arc<Mutex<Option<Head>>>,
}

/// An event as MongoDB keeps it. The payload stays the text it was sent as: BSON would lose what is no BSON
/// (`docs/decisions/payload-as-text.md`).
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    seq: i64,
    event_type: String,
    source_app_id: String,
    data_payload: String,
    timestamp: DateTime,
    previous_hash: String,
    current_hash: String,
}

impl EventDocument {
    pub(crate) fn new(seq: Seq, event: Event) -> Self {
        Self {
            id: ObjectId::from_bytes(event.id.0),
            seq: seq.cast_signed(),
            event_type: event.event_type,
            source_app_id: event.source_app_id,
            data_payload: event.data_payload,
            timestamp: DateTime::from_millis(event.timestamp.millis()),
            previous_hash: event.previous_hash.map(|hash| hash.to_string()).unwrap_or_default(),
            current_hash: event.current_hash.to_string(),
        }
    }

    fn place(&self) -> Seq {
        self.seq.cast_unsigned()
    }

    pub(crate) fn into_event(self) -> Result<Event, StoreError> {
        let damaged = |what: &str| StoreError::Corrupt(format!("{what} of the event {}", self.id));
        let previous = Some(&self.previous_hash).filter(|hash| !hash.is_empty());
        Ok(Event {
            timestamp: Timestamp::from_millis(self.timestamp.timestamp_millis())
                .map_err(|_| damaged("timestamp"))?,
            previous_hash: previous
                .map(|hash| hash.parse())
                .transpose()
                .map_err(|_| damaged("previousHash"))?,
            current_hash: self.current_hash.parse().map_err(|_| damaged("currentHash"))?,
            id: EventId(self.id.bytes()),
            event_type: self.event_type,
            source_app_id: self.source_app_id,
            data_payload: self.data_payload,
        })
    }
}

impl Events {
    /// The log of this database.
    pub fn new(database: &Database) -> Self {
        Self { collection: database.0.collection("events"), indexed: Arc::default(), head: Arc::default() }
    }

    /// I0 and I2.
    pub(crate) async fn ensure_indexes(&self) -> Result<(), StoreError> {
        let create = async || {
            let unique = IndexOptions::builder().unique(true).build();
            let seq = IndexModel::builder().keys(doc! { "seq": 1 }).options(unique).build();
            self.collection.create_index(seq).await.map(drop)
        };
        self.indexed.get_or_try_init(create).await.map(drop).map_err(store_error)
    }

    /// Those of `ids` that stand in the log, by a majority read.
    pub(crate) async fn look_up(&self, ids: Vec<EventId>) -> Result<HashMap<EventId, Event>, StoreError> {
        let ids: Vec<_> = ids.into_iter().map(|id| ObjectId::from_bytes(id.0)).collect();
        let found = self.collection.find(doc! { "_id": { "$in": ids } }).await.map_err(store_error)?;
        let found: Vec<EventDocument> = found.try_collect().await.map_err(store_error)?;
        found.into_iter().map(|document| document.into_event().map(|event| (event.id, event))).collect()
    }
}

impl EventStore for Events {
    type Alarm = LogAlarm;

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
        crate::append::append(self, drafts).await
    }

    async fn head(&self) -> Result<Option<Head>, StoreError> {
        let last = self.collection.find_one(doc! {}).sort(doc! { "seq": -1 }).await.map_err(store_error)?;
        let head = |document: EventDocument| {
            let seq = document.place();
            document.into_event().map(|event| Head::of(seq, &event))
        };
        last.map(head).transpose()
    }

    async fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        let by_id = doc! { "_id": ObjectId::from_bytes(id.0) };
        let found = self.collection.find_one(by_id).await.map_err(store_error)?;
        found.map(EventDocument::into_event).transpose()
    }

    async fn page(&self, page: Page) -> Result<Vec<Event>, StoreError> {
        let (Ok(from), Ok(limit)) = (i64::try_from(page.from), i64::try_from(page.limit)) else {
            return Ok(Vec::new());
        };
        let stretch = doc! { "seq": { "$gte": from, "$lt": from.saturating_add(limit) } };
        let mut found = self.collection.find(stretch).sort(doc! { "seq": 1 }).await.map_err(store_error)?;
        let mut events = Vec::new();
        let mut bytes = "[]".len();
        while let Some(document) = found.try_next().await.map_err(store_error)? {
            let event = document.into_event()?;
            bytes += event.json_len() + 1;
            if bytes > page.max_bytes && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        Ok(events)
    }

    async fn alarm(&self) -> Result<LogAlarm, StoreError> {
        Ok(LogAlarm::new(&self.collection).await)
    }
}
