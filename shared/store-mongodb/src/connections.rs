//! The WebSocket connections.

use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::{
    Connection, ConnectionStore, Filter, Joined, Lease, Seq, Shard, StoreError, Timestamp, bucket, now,
};
use futures_util::TryStreamExt;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, ReturnDocument, WriteConcern};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::database::{Database, is_duplicate_key, store_error};

/// The connections of one gateway, in the collection `connections`; their leases in `leases`.
#[derive(Clone)]
pub struct Connections {
    database: mongodb::Database,
    connections: Collection<ConnectionDocument>,
    leases: Collection<LeaseDocument>,
    gateway: Arc<str>,
    shard: Shard,
    indexed: Arc<OnceCell<()>>,
}

/// `_id` is the gateway and the connection, so that gateways can share a database and not touch each other's
/// connections.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConnectionDocument {
    #[serde(rename = "_id")]
    key: String,
    gateway: String,
    id: String,
    /// Where it falls among the shares.
    bucket: u32,
    connected_at: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_app_id: Option<String>,
    batch: bool,
    position: i64,
}

/// `_id` is the gateway and the share. One that was given back has lapsed, and still says whose it was.
#[derive(Serialize, Deserialize)]
struct LeaseDocument {
    owner: String,
}

/// A lease that was given back is free at once for a clock that is so far behind.
const CLOCKS_DIFFER_MILLIS: i64 = 60_000;
/// Clocks differ, and a write may become visible after a later one: `joined` looks back so far.
const LOOK_BACK_MILLIS: i64 = 10_000;

impl Connections {
    /// The connections of `gateway` (an opaque name: the address of its management API, say).
    pub fn new(database: &Database, gateway: &str) -> Self {
        Self {
            connections: database.0.collection("connections"),
            leases: database.0.collection("leases"),
            database: database.0.clone(),
            gateway: gateway.into(),
            shard: Shard::WHOLE,
            indexed: Arc::default(),
        }
    }

    fn key(&self, id: &str) -> String {
        format!("{} {id}", self.gateway)
    }

    fn lease_key(&self) -> String {
        if self.shard == Shard::WHOLE { self.gateway.to_string() } else { self.key(&self.shard.to_string()) }
    }

    /// All that are in the share.
    fn mine(&self) -> Document {
        let mut mine = doc! { "gateway": &*self.gateway };
        if self.shard != Shard::WHOLE {
            let buckets = self.shard.buckets();
            mine.insert("bucket", doc! { "$gte": buckets.start, "$lt": buckets.end });
        }
        mine
    }

    async fn ensure_indexes(&self) -> Result<(), StoreError> {
        let create = async || {
            let joined = IndexModel::builder().keys(doc! { "gateway": 1, "connectedAt": 1 }).build();
            let swept = IndexModel::builder().keys(doc! { "connectedAt": 1 }).build();
            self.connections.create_indexes([joined, swept]).await.map(drop)
        };
        self.indexed.get_or_try_init(create).await.map(drop).map_err(store_error)
    }
}

impl ConnectionStore for Connections {
    fn shard(&self, shard: Shard) -> Self {
        Self { shard, ..self.clone() }
    }

    async fn add(&self, connection: Connection) -> Result<(), StoreError> {
        self.ensure_indexes().await?;
        let key = self.key(&connection.id);
        let document = ConnectionDocument {
            key: key.clone(),
            gateway: self.gateway.to_string(),
            bucket: bucket(&connection.id),
            id: connection.id,
            connected_at: DateTime::from_millis(connection.connected_at.millis()),
            event_type: connection.filter.event_type,
            source_app_id: connection.filter.source_app_id,
            batch: connection.batch,
            position: connection.position.cast_signed(),
        };
        let replaced = self.connections.replace_one(doc! { "_id": key }, document).upsert(true).await;
        replaced.map(drop).map_err(store_error)
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        let removed = self.connections.delete_one(doc! { "_id": self.key(id) }).await;
        removed.map(drop).map_err(store_error)
    }

    async fn contains(&self, id: &str) -> Result<bool, StoreError> {
        let found = self.connections.find_one(doc! { "_id": self.key(id) }).await;
        found.map(|found| found.is_some()).map_err(store_error)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.connections.estimated_document_count().await.map_err(store_error)
    }

    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        let looked = now().millis();
        let mut joined = self.mine();
        if let Some(mark) = mark {
            let since = DateTime::from_millis(mark.saturating_sub(LOOK_BACK_MILLIS));
            joined.insert("connectedAt", doc! { "$gte": since });
        }
        let found = self.connections.find(joined).await.map_err(store_error)?;
        let found: Vec<ConnectionDocument> = found.try_collect().await.map_err(store_error)?;
        let connections = found.into_iter().map(|document| {
            let damaged =
                |_| StoreError::Corrupt { id: None, what: format!("the connection {}", document.id) };
            Ok(Connection {
                connected_at: Timestamp::from_millis(document.connected_at.timestamp_millis())
                    .map_err(damaged)?,
                filter: Filter { event_type: document.event_type, source_app_id: document.source_app_id },
                batch: document.batch,
                position: document.position.cast_unsigned(),
                id: document.id,
            })
        });
        Ok(Joined { connections: connections.collect::<Result<_, StoreError>>()?, mark: looked })
    }

    /// Positions are written without waiting for a majority: one that is lost repeats a few deliveries.
    async fn advance(&self, positions: &[(String, Seq)]) -> Result<(), StoreError> {
        // One command may hold 100,000 updates, and 16 MB.
        for positions in positions.chunks(10_000) {
            let updates: Vec<_> = positions
                .iter()
                .map(|(id, position)| {
                    let forward = doc! { "$max": { "position": position.cast_signed() } };
                    doc! { "q": { "_id": self.key(id) }, "u": forward }
                })
                .collect();
            let command = doc! {
                "update": self.connections.name(),
                "updates": updates,
                "ordered": false,
                "writeConcern": { "w": 1 },
            };
            self.database.run_command(command).await.map_err(store_error)?;
        }
        Ok(())
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let old = doc! { "connectedAt": { "$lt": DateTime::from_millis(before.millis()) } };
        let swept = self.connections.delete_many(old).await.map_err(store_error)?;
        // Of gateways, and shares, that are no more.
        let lapsed = doc! { "until": { "$lt": DateTime::from_millis(before.millis()) } };
        self.leases.delete_many(lapsed).await.map_err(store_error)?;
        Ok(swept.deleted_count)
    }

    async fn lease(&self, owner: &str, time: Duration) -> Result<Lease, StoreError> {
        let now = now().millis();
        let until = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let mine_or_lapsed = doc! {
            "_id": self.lease_key(),
            "$or": [{ "owner": owner }, { "until": { "$lte": DateTime::from_millis(now) } }],
        };
        let take = doc! { "$set": { "owner": owner, "until": DateTime::from_millis(until) } };
        let taken = self
            .leases
            .find_one_and_update(mine_or_lapsed, take)
            .upsert(true)
            .return_document(ReturnDocument::Before)
            .write_concern(WriteConcern::builder().w(Acknowledgment::Nodes(1)).build())
            .await;
        match taken {
            Ok(Some(before)) if before.owner == owner => Ok(Lease::Kept),
            Ok(_) => Ok(Lease::New),
            // Somebody else's: the filter does not match it, and a second one cannot be made.
            Err(error) if is_duplicate_key(&error) => Ok(Lease::Refused),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        let mine = doc! { "_id": self.lease_key(), "owner": owner };
        // By whatever clock, for a while.
        let until = now().millis().saturating_sub(CLOCKS_DIFFER_MILLIS);
        let lapsed = doc! { "$set": { "until": DateTime::from_millis(until) } };
        self.leases.update_one(mine, lapsed).await.map(drop).map_err(store_error)
    }
}
