//! The drafts that wait for whoever links next, and the lease on linking.
//!
//! Both are hints for speed: what is lost here, or stands here too long or twice, costs time and nothing else. So
//! nothing here waits for a majority.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use eventlog_ledger::{Draft, EventId, MAX_PAYLOAD_DEPTH, Payload, RequestId, StoreError, now};
use futures_util::TryStreamExt;
use futures_util::future::{Either, select};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{self, Binary, Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::database::{is_duplicate_key, store_error};
use crate::documents::{from_binary, to_binary};

/// What a group holds at most, but for the last append in it, which is there whole.
const MAX_DRAFTS: usize = 256;
const MAX_BYTES: usize = 4 << 20;
/// Nobody waits for a draft that is older: its request has had its answer.
const MAX_AGE: Duration = Duration::from_secs(30);
/// What has waited for so long is removed.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// So long after its holder was last heard of the lease lapses.
const LEASE: Duration = Duration::from_millis(300);
/// How often he is heard of: a group may take much longer, where it is large, the majority slow or the database far away.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// And how many times: who takes longer waits for something that will not come.
const HEARTBEATS: u32 = 30;
/// A lease that lapses later was taken by a clock that is wrong.
const LONGEST: Duration = Duration::from_secs(5);

/// The collections `pending` and `leases`.
#[derive(Clone)]
pub(crate) struct Pending {
    drafts: Collection<RawDocumentBuf>,
    leases: Collection<Document>,
}

/// The drafts of one append that wait, and the request they belong to.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// That of its first draft.
    pub(crate) id: EventId,
    pub(crate) request: Option<RequestId>,
    pub(crate) drafts: Vec<Draft>,
}

/// The same as it is stored: whole, so that nobody ever sees the end of an append without its beginning, which may show
/// that it is refused. Of rivals, who share the `_id` of their first events, one waits.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PendingDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// When it came, in milliseconds since 1970 by the clock of its writer.
    arrived: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Binary>,
    drafts: Vec<PendingDraft>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PendingDraft {
    id: ObjectId,
    event_type: String,
    source_app_id: String,
    data_payload: String,
}

impl Pending {
    pub(crate) fn new(database: &mongodb::Database) -> Self {
        let hint = CollectionOptions::builder()
            .write_concern(WriteConcern::builder().w(Acknowledgment::Nodes(1)).build())
            .read_concern(ReadConcern::local())
            .build();
        Self {
            drafts: database.collection_with_options("pending", hint.clone()),
            leases: database.collection_with_options("leases", hint),
        }
    }

    /// Makes the index that `waiting` reads by.
    pub(crate) async fn ensure_indexes(&self) -> Result<(), mongodb::error::Error> {
        let arrival = IndexModel::builder()
            .keys(doc! { "arrived": 1 })
            .options(IndexOptions::builder().build())
            .build();
        self.drafts.create_index(arrival).await.map(drop)
    }

    /// Puts the drafts of one append where whoever links next will find them.
    pub(crate) async fn publish(
        &self,
        drafts: Vec<Draft>,
        request: Option<RequestId>,
    ) -> Result<(), StoreError> {
        let drafts: Vec<_> = drafts.into_iter().map(PendingDraft::from).collect();
        let Some(first) = drafts.first() else { return Ok(()) };
        let (id, request) = (first.id, request.map(to_binary));
        let document = PendingDocument { id, arrived: now().millis(), request, drafts };
        let document = bson::serialize_to_raw_document_buf(&document).map_err(StoreError::unavailable)?;
        match self.drafts.insert_one(document).await {
            Ok(_) => Ok(()),
            // An earlier attempt has left it, or a rival; who links for all adds his own in any case.
            Err(error) if is_duplicate_key(&error) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }

    /// What waits, in order of arrival, one group's worth. Nothing, where it cannot be read: it is a hint.
    pub(crate) async fn waiting(&self) -> Vec<Waiting> {
        self.read_waiting().await.unwrap_or_else(|error| {
            tracing::warn!("cannot read what waits: {error}");
            Vec::new()
        })
    }

    async fn read_waiting(&self) -> Result<Vec<Waiting>, mongodb::error::Error> {
        let since = now().millis() - MAX_AGE.as_millis() as i64;
        let recent = self.drafts.find(doc! { "arrived": { "$gte": since } });
        let order = doc! { "arrived": 1 };
        let mut found = recent.sort(order).limit(MAX_DRAFTS as i64).await?;
        let (mut waiting, mut drafts, mut bytes) = (Vec::new(), 0, 0);
        while drafts < MAX_DRAFTS
            && bytes < MAX_BYTES
            && let Some(document) = found.try_next().await?
        {
            bytes += document.as_bytes().len();
            match read(&document) {
                Some(one) => {
                    drafts += one.drafts.len();
                    waiting.push(one);
                }
                None => self.quarantine(&document).await,
            }
        }
        Ok(waiting)
    }

    /// One that cannot be read must not be in everybody's way: without `arrived` it is not found again.
    async fn quarantine(&self, document: &RawDocumentBuf) {
        let id = document.get("_id").ok().flatten().and_then(|id| Bson::try_from(id).ok());
        tracing::error!(?id, "what waits here is no draft; it is left aside");
        if let Err(error) =
            self.drafts.update_one(doc! { "_id": id }, doc! { "$unset": { "arrived": "" } }).await
        {
            tracing::warn!("cannot leave it aside: {error}");
        }
    }

    /// Takes away what waits under these ids. What is left behind is found in the log by whoever links next.
    pub(crate) async fn remove(&self, ids: &HashSet<EventId>) {
        if ids.is_empty() {
            return;
        }
        let ids: Vec<_> = ids.iter().map(|id| ObjectId::from_bytes(id.0)).collect();
        let forgotten = now().millis() - FORGOTTEN.as_millis() as i64;
        let done = doc! { "$or": [{ "_id": { "$in": ids } }, { "arrived": { "$lt": forgotten } }] };
        if let Err(error) = self.drafts.delete_many(done).await {
            tracing::warn!("cannot remove what was linked: {error}");
        }
    }

    /// Takes the lease; false also where nobody can tell.
    pub(crate) async fn lease(&self, owner: ObjectId) -> bool {
        let now = now().millis();
        let lapsed = doc! { "until": { "$lte": now } };
        let wrong = doc! { "until": { "$gt": now + LONGEST.as_millis() as i64 } };
        let free = doc! { "_id": "append", "$or": [{ "owner": owner }, lapsed, wrong] };
        let take = doc! { "$set": { "owner": owner, "until": now + LEASE.as_millis() as i64 } };
        self.leases.update_one(free, take).upsert(true).await.is_ok()
    }

    /// Keeps the lease while this work is done, or takes it when nobody has it.
    pub(crate) async fn hold<T>(&self, owner: ObjectId, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        for _ in 0..HEARTBEATS {
            if let Ok(done) = timeout(HEARTBEAT, &mut work).await {
                return done;
            }
            match select(work, pin!(self.lease(owner))).await {
                Either::Right((_, unfinished)) => work = unfinished,
                Either::Left((done, heartbeat)) => {
                    // One that is left to itself could come after the lease has been given back.
                    heartbeat.await;
                    return done;
                }
            }
        }
        work.await
    }

    /// Gives the lease back; if that fails it lapses.
    pub(crate) async fn release(&self, owner: ObjectId) {
        let _ = self.leases.delete_one(doc! { "_id": "append", "owner": owner }).await;
    }
}

impl From<Draft> for PendingDraft {
    fn from(draft: Draft) -> Self {
        Self {
            id: ObjectId::from_bytes(draft.id.0),
            data_payload: draft.data_payload.text().to_owned(),
            event_type: draft.event_type,
            source_app_id: draft.source_app_id,
        }
    }
}

impl PendingDraft {
    fn read(self) -> Option<Draft> {
        Some(Draft {
            id: EventId(self.id.bytes()),
            event_type: self.event_type,
            source_app_id: self.source_app_id,
            data_payload: Payload::parse(&self.data_payload, MAX_PAYLOAD_DEPTH).ok()?,
        })
    }
}

fn read(document: &RawDocumentBuf) -> Option<Waiting> {
    let document: PendingDocument = bson::deserialize_from_slice(document.as_bytes()).ok()?;
    Some(Waiting {
        id: EventId(document.id.bytes()),
        request: from_binary(document.request),
        drafts: document.drafts.into_iter().map(PendingDraft::read).collect::<Option<_>>()?,
    })
}
