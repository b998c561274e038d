//! Events as documents, and the queries that read them.

use std::collections::{HashMap, HashSet};

use eventlog_ledger::{Event, EventId, Head, Page, Seq, StoreError, Timestamp, Tip};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use serde::{Deserialize, Serialize};

use crate::database::store_error;

/// The collection `events`; reads are majority reads of the primary.
pub(crate) type Documents = Collection<EventDocument>;

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

pub(crate) async fn head(documents: &Documents) -> Result<Option<Head>, StoreError> {
    let last = documents.find_one(doc! {}).sort(doc! { "seq": -1 }).await.map_err(store_error)?;
    let head = |document: EventDocument| {
        let seq = document.seq.cast_unsigned();
        document.into_event().map(|event| Head::of(seq, &event))
    };
    last.map(head).transpose()
}

/// The end of the log, as far as linking needs it.
pub(crate) struct Tail {
    pub(crate) head: Option<Head>,
    /// The `_id`s of the last events.
    pub(crate) ids: HashSet<EventId>,
}

/// How many of the last events a tail has: what was linked before them has long been removed from `pending`, and
/// where it has not, the unique `_id` stands in the way.
const TAIL: i64 = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TailDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    seq: i64,
    timestamp: DateTime,
    current_hash: String,
}

impl TailDocument {
    fn head(&self) -> Result<Head, StoreError> {
        let damaged = || StoreError::Corrupt(format!("the event {}", self.id));
        Ok(Head {
            seq: self.seq.cast_unsigned(),
            id: EventId(self.id.bytes()),
            tip: Tip {
                hash: self.current_hash.parse().map_err(|_| damaged())?,
                timestamp: Timestamp::from_millis(self.timestamp.timestamp_millis())
                    .map_err(|_| damaged())?,
            },
        })
    }
}

pub(crate) async fn tail(documents: &Documents) -> Result<Tail, StoreError> {
    let members = doc! { "seq": 1, "timestamp": 1, "currentHash": 1 };
    let last = documents.clone_with_type::<TailDocument>();
    let last = last.find(doc! {}).sort(doc! { "seq": -1 }).limit(TAIL).projection(members);
    let last: Vec<TailDocument> =
        last.await.map_err(store_error)?.try_collect().await.map_err(store_error)?;
    Ok(Tail {
        head: last.first().map(TailDocument::head).transpose()?,
        ids: last.iter().map(|document| EventId(document.id.bytes())).collect(),
    })
}

pub(crate) async fn event(documents: &Documents, id: EventId) -> Result<Option<Event>, StoreError> {
    let by_id = doc! { "_id": ObjectId::from_bytes(id.0) };
    let found = documents.find_one(by_id).await.map_err(store_error)?;
    found.map(EventDocument::into_event).transpose()
}

/// Those of `ids` that stand in the log.
pub(crate) async fn events(
    documents: &Documents,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<HashMap<EventId, Event>, StoreError> {
    let ids: Vec<_> = ids.into_iter().map(|id| ObjectId::from_bytes(id.0)).collect();
    let found = documents.find(doc! { "_id": { "$in": ids } }).await.map_err(store_error)?;
    let found: Vec<EventDocument> = found.try_collect().await.map_err(store_error)?;
    found.into_iter().map(|document| document.into_event().map(|event| (event.id, event))).collect()
}

pub(crate) async fn page(documents: &Documents, page: Page) -> Result<Vec<Event>, StoreError> {
    let (Ok(from), Ok(limit)) = (i64::try_from(page.from), i64::try_from(page.limit)) else {
        return Ok(Vec::new());
    };
    let stretch = doc! { "seq": { "$gte": from, "$lt": from.saturating_add(limit) } };
    let mut found = documents.find(stretch).sort(doc! { "seq": 1 }).await.map_err(store_error)?;
    let mut events = Vec::new();
    let mut bytes = "[".len();
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
