//! Events as documents, and the queries that read them.

use std::collections::HashMap;

use eventlog_ledger::{Event, EventId, Head, Page, Query, RequestId, Seq, StoreError, Timestamp, Tip};
use futures_util::TryStreamExt;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, doc};
use serde::{Deserialize, Serialize};

use crate::database::store_error;
use crate::queries::{self, Find};

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
    /// What a repeated request is recognised by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Binary>,
}

/// An event as it stands in the log, or is about to, and the request it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) event: Event,
    pub(crate) request: Option<RequestId>,
}

impl EventDocument {
    pub(crate) fn new(seq: Seq, Logged { event, request }: Logged) -> Self {
        Self {
            request: request.map(to_binary),
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
        let damaged = |what: &str| damaged(self.id, what);
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

fn damaged(id: ObjectId, what: &str) -> StoreError {
    StoreError::Corrupt { id: Some(EventId(id.bytes())), what: format!("{what} of the event {id}") }
}

pub(crate) fn to_binary(request: RequestId) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: request.0.to_vec() }
}

/// Nothing where it is not what we write: then the content of an event tells what it was logged for.
pub(crate) fn from_binary(stored: Option<Binary>) -> Option<RequestId> {
    stored.and_then(|binary| binary.bytes.try_into().ok()).map(RequestId)
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
    /// The last events, and what requests they belong to.
    pub(crate) requests: HashMap<EventId, Option<RequestId>>,
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
    #[serde(default)]
    request: Option<Binary>,
}

impl TailDocument {
    fn head(&self) -> Result<Head, StoreError> {
        let damaged = || damaged(self.id, "currentHash or timestamp");
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
    let members = doc! { "seq": 1, "timestamp": 1, "currentHash": 1, "request": 1 };
    let last = documents.clone_with_type::<TailDocument>();
    let last = last.find(doc! {}).sort(doc! { "seq": -1 }).limit(TAIL).projection(members);
    let last: Vec<TailDocument> =
        last.await.map_err(store_error)?.try_collect().await.map_err(store_error)?;
    Ok(Tail {
        head: last.first().map(TailDocument::head).transpose()?,
        requests: last
            .into_iter()
            .map(|document| (EventId(document.id.bytes()), from_binary(document.request)))
            .collect(),
    })
}

pub(crate) async fn event(documents: &Documents, id: EventId) -> Result<Option<Event>, StoreError> {
    let by_id = doc! { "_id": ObjectId::from_bytes(id.0) };
    let found = documents.find_one(by_id).await.map_err(store_error)?;
    found.map(EventDocument::into_event).transpose()
}

/// Those of `ids` that stand in the log.
pub(crate) async fn logged(
    documents: &Documents,
    ids: impl IntoIterator<Item = EventId>,
) -> Result<HashMap<EventId, Logged>, StoreError> {
    let ids: Vec<_> = ids.into_iter().map(|id| ObjectId::from_bytes(id.0)).collect();
    let found = documents.find(doc! { "_id": { "$in": ids } }).await.map_err(store_error)?;
    let found: Vec<EventDocument> = found.try_collect().await.map_err(store_error)?;
    let logged = |mut document: EventDocument| {
        let request = from_binary(document.request.take());
        document.into_event().map(|event| (event.id, Logged { event, request }))
    };
    found.into_iter().map(logged).collect()
}

/// The place of the first document of this query.
pub(crate) async fn place(documents: &Documents, (filter, sort): Find) -> Result<Option<Seq>, StoreError> {
    #[derive(Deserialize)]
    struct Place {
        seq: i64,
    }
    let places = documents.clone_with_type::<Place>();
    let first = places.find_one(filter).sort(sort).projection(doc! { "_id": 0, "seq": 1 });
    Ok(first.await.map_err(store_error)?.map(|Place { seq }| seq.cast_unsigned()))
}

pub(crate) async fn page(documents: &Documents, query: &Query) -> Result<Page, StoreError> {
    let (filter, sort) = queries::page(query);
    let found = documents.find(filter).sort(sort).skip(query.skip);
    // One more, to know whether there is one, and the last of the places.
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let limit = limit.saturating_add(if query.is_known_to_end { 2 } else { 1 });
    let mut found = found.limit(limit).await.map_err(store_error)?;
    let (mut page, mut is_at_end) = (Page::default(), false);
    while let Some(document) = found.try_next().await.map_err(store_error)? {
        let place = document.seq.cast_unsigned();
        is_at_end |= place + 1 == query.places.end;
        if !query.filter.wants(&document.event_type, &document.source_app_id) {
            continue;
        }
        if !page.take(query, || Ok((place, document.into_event()?)))? {
            break;
        }
    }
    if query.is_known_to_end && !page.has_more && !is_at_end {
        return Err(StoreError::unavailable(format!("the log is not to be seen up to {}", query.places.end)));
    }
    Ok(page)
}
