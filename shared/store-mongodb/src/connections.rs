//! The WebSocket connections.

use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::{Connection, ConnectionStore, Joined, Seq, StoreError, Timestamp, now};
use futures_util::TryStreamExt;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::{Acknowledgment, WriteConcern};
use mongodb::{Collection, IndexModel};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::database::{Database, is_duplicate_key, store_error};

/// The connections of one gateway, in the collection `connections`; its lease in `leases`.
#[derive(Clone)]
pub struct Connections {
    database: mongodb::Database,
    connections: Collection<ConnectionDocument>,
    leases: Collection<Document>,
    gateway: Arc<str>,
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
    connected_at: DateTime,
    position: i64,
}

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
            indexed: Arc::default(),
        }
    }

    fn key(&self, id: &str) -> String {
        format!("{} {id}", self.gateway)
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
    async fn add(&self, connection: Connection) -> Result<(), StoreError> {
        self.ensure_indexes().await?;
        let key = self.key(&connection.id);
        let document = ConnectionDocument {
            key: key.clone(),
            gateway: self.gateway.to_string(),
            id: connection.id,
            connected_at: DateTime::from_millis(connection.connected_at.millis()),
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

    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        let since = mark.map_or(0, |mark| mark.saturating_sub(LOOK_BACK_MILLIS));
        let looked = now().millis();
        let joined =
            doc! { "gateway": &*self.gateway, "connectedAt": { "$gte": DateTime::from_millis(since) } };
        let found = self.connections.find(joined).await.map_err(store_error)?;
        let found: Vec<ConnectionDocument> = found.try_collect().await.map_err(store_error)?;
        let connections = found.into_iter().map(|document| {
            let damaged =
                |_| StoreError::Corrupt { id: None, what: format!("the connection {}", document.id) };
            Ok(Connection {
                connected_at: Timestamp::from_millis(document.connected_at.timestamp_millis())
                    .map_err(damaged)?,
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
        let swept = self.connections.delete_many(old).await;
        swept.map(|swept| swept.deleted_count).map_err(store_error)
    }

    async fn lease(&self, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let now = now().millis();
        let until = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let mine_or_lapsed = doc! {
            "_id": &*self.gateway,
            "$or": [{ "owner": owner }, { "until": { "$lte": DateTime::from_millis(now) } }],
        };
        let take = doc! { "$set": { "owner": owner, "until": DateTime::from_millis(until) } };
        let taken = self
            .leases
            .update_one(mine_or_lapsed, take)
            .upsert(true)
            .write_concern(WriteConcern::builder().w(Acknowledgment::Nodes(1)).build())
            .await;
        match taken {
            Ok(_) => Ok(true),
            // Somebody else's: the filter does not match it, and a second one cannot be made.
            Err(error) if is_duplicate_key(&error) => Ok(false),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        let mine = doc! { "_id": &*self.gateway, "owner": owner };
        let released = self.leases.delete_one(mine).await;
        released.map(drop).map_err(store_error)
    }
}
