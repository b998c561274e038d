//! The drafts that wait for whoever links next, and the lease on linking.
//!
//! Both are hints for speed: what is lost here, or stands here too long or twice, costs time and nothing else. So
//! nothing here waits for a majority.

use std::collections::HashSet;
use std::time::Duration;

use eventlog_ledger::{Draft, EventId, MAX_PAYLOAD_DEPTH, Payload, RequestId, StoreError, new_id, now};
use futures_util::TryStreamExt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{self, Binary, Bson, Document, RawDocumentBuf, doc};
use mongodb::options::{Acknowledgment, CollectionOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};

use crate::database::{is_duplicate_key, store_error};
use crate::documents::{from_binary, to_binary};

/// What one group holds at most.
const MAX_DRAFTS: i64 = 256;
const MAX_BYTES: usize = 4 << 20;
/// Nobody waits for a draft that is older: its request has had its answer.
const MAX_AGE: Duration = Duration::from_secs(30);
/// What has waited for so long is removed.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// How long a holder of the lease may take before somebody else goes ahead.
const LEASE: Duration = Duration::from_millis(120);

/// The collections `pending` and `leases`.
#[derive(Clone)]
pub(crate) struct Pending {
    drafts: Collection<RawDocumentBuf>,
    leases: Collection<Document>,
}

/// A draft that waits, and the request it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) draft: Draft,
    pub(crate) request: Option<RequestId>,
}

/// The same as it is stored. Its `_id` is that of the event.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PendingDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    /// When it came, in milliseconds since 1970 by the clock of its writer.
    arrived: i64,
    /// The append it belongs to, and its place there.
    batch: ObjectId,
    place: i32,
    event_type: String,
    source_app_id: String,
    data_payload: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Binary>,
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
            .keys(doc! { "arrived": 1, "batch": 1, "place": 1 })
            .options(IndexOptions::builder().build())
            .build();
        self.drafts.create_index(arrival).await.map(drop)
    }

    /// Puts the drafts of one append where whoever links next will find them.
    pub(crate) async fn publish(&self, drafts: impl Iterator<Item = Waiting>) -> Result<(), StoreError> {
        let (arrived, batch) = (now().millis(), ObjectId::from_bytes(new_id().0));
        let documents = (0..).zip(drafts).map(|(place, Waiting { draft, request })| {
            bson::serialize_to_raw_document_buf(&PendingDocument {
                id: ObjectId::from_bytes(draft.id.0),
                arrived,
                batch,
                place,
                data_payload: draft.data_payload.text().to_owned(),
                event_type: draft.event_type,
                source_app_id: draft.source_app_id,
                request: request.map(to_binary),
            })
        });
        let documents = documents.collect::<Result<Vec<_>, _>>().map_err(StoreError::unavailable)?;
        // Ordered: whoever looks while this goes on must not see a later draft without an earlier one.
        match self.drafts.insert_many(documents).ordered(true).await {
            Ok(_) => Ok(()),
            // An earlier attempt has left some; who links for all adds his own in any case.
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
        let order = doc! { "arrived": 1, "batch": 1, "place": 1 };
        let mut found = recent.sort(order).limit(MAX_DRAFTS).await?;
        let (mut drafts, mut bytes) = (Vec::new(), 0);
        while let Some(document) = found.try_next().await? {
            bytes += document.as_bytes().len();
            if bytes > MAX_BYTES && !drafts.is_empty() {
                break;
            }
            match read(&document) {
                Some(draft) => drafts.push(draft),
                None => self.quarantine(&document).await,
            }
        }
        Ok(drafts)
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

    /// Takes away what has been linked. What is left behind is found in the log by whoever links next.
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
        let free = doc! { "_id": "append", "$or": [{ "owner": owner }, { "until": { "$lte": now } }] };
        let take = doc! { "$set": { "owner": owner, "until": now + LEASE.as_millis() as i64 } };
        self.leases.update_one(free, take).upsert(true).await.is_ok()
    }

    /// Gives the lease back; if that fails it lapses.
    pub(crate) async fn release(&self, owner: ObjectId) {
        let _ = self.leases.delete_one(doc! { "_id": "append", "owner": owner }).await;
    }
}

fn read(document: &RawDocumentBuf) -> Option<Waiting> {
    let document: PendingDocument = bson::deserialize_from_slice(document.as_bytes()).ok()?;
    let draft = Draft {
        id: EventId(document.id.bytes()),
        event_type: document.event_type,
        source_app_id: document.source_app_id,
        data_payload: Payload::parse(&document.data_payload, MAX_PAYLOAD_DEPTH).ok()?,
    };
    Some(Waiting { draft, request: from_binary(document.request) })
}
