//! The connections of one process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventlog_ledger::{
    Connection, ConnectionStore, Filter, Joined, Lease, Seq, Shard, StoreError, Timestamp, bucket, now,
};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::store_error;

/// The connections of this process, in a database in memory: a socket does not outlive its process, so
/// neither need what is known of it.
#[derive(Clone)]
pub struct Connections {
    database: Arc<Mutex<rusqlite::Connection>>,
    shard: Shard,
}

/// `joined` counts up, so that a look can go on where the last one ended.
const SCHEMA: &str = "
    CREATE TABLE connections (
        joined      INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        bucket      INTEGER NOT NULL,
        connectedAt INTEGER NOT NULL,
        eventType   TEXT,
        sourceAppId TEXT,
        batch       INTEGER NOT NULL,
        position    INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE leases (
        shard TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
";

impl Connections {
    /// An empty store.
    pub fn open() -> Result<Self, StoreError> {
        let database = rusqlite::Connection::open_in_memory().map_err(store_error)?;
        database.execute_batch(SCHEMA).map_err(store_error)?;
        Ok(Self { database: Arc::new(Mutex::new(database)), shard: Shard::WHOLE })
    }

    /// Runs at once, not on a thread of its own: nothing here waits for a disk or a lock.
    fn run<T>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        job(&self.database.lock().unwrap_or_else(PoisonError::into_inner)).map_err(store_error)
    }

    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StoreError> {
        self.run(|database| database.prepare_cached(sql)?.execute(values))
    }
}

impl ConnectionStore for Connections {
    fn shard(&self, shard: Shard) -> Self {
        Self { shard, ..self.clone() }
    }

    async fn add(&self, connection: Connection) -> Result<(), StoreError> {
        let Connection { id, connected_at, filter, batch, position } = connection;
        let sql = "INSERT OR REPLACE INTO connections
                   (id, bucket, connectedAt, eventType, sourceAppId, batch, position)
                   VALUES (?, ?, ?, ?, ?, ?, ?)";
        let (at, position, bucket) = (connected_at.millis(), position.cast_signed(), bucket(&id));
        let values = params![id, bucket, at, filter.event_type, filter.source_app_id, batch, position];
        self.execute(sql, values)?;
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM connections WHERE id = ?", [id])?;
        Ok(())
    }

    async fn contains(&self, id: &str) -> Result<bool, StoreError> {
        self.run(|database| database.prepare_cached("SELECT 1 FROM connections WHERE id = ?")?.exists([id]))
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM connections";
        let count = self.run(|database| database.prepare_cached(sql)?.query_row([], |row| row.get(0)));
        count.map(i64::cast_unsigned)
    }

    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        let sql = "SELECT joined, id, connectedAt, eventType, sourceAppId, batch, position FROM connections
                   WHERE joined > ? AND bucket >= ? AND bucket < ? ORDER BY joined";
        let buckets = self.shard.buckets();
        self.run(|database| {
            let mut since = database.prepare_cached(sql)?;
            let values = params![mark.unwrap_or(0), buckets.start, buckets.end];
            let rows = since.query_map(values, |row| Ok((row.get(0)?, read_connection(row)?)))?;
            let rows: Vec<(i64, _)> = rows.collect::<Result<_, _>>()?;
            let mark = rows.last().map(|(joined, _)| *joined).or(mark).unwrap_or(0);
            Ok(Joined { connections: rows.into_iter().map(|(_, connection)| connection).collect(), mark })
        })
    }

    async fn advance(&self, positions: &[(String, Seq)]) -> Result<(), StoreError> {
        let sql = "UPDATE connections SET position = max(position, ?) WHERE id = ?";
        self.run(|database| {
            let mut advance = database.prepare_cached(sql)?;
            for (id, position) in positions {
                advance.execute(params![position.cast_signed(), id])?;
            }
            Ok(())
        })
    }

    async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let swept = self.execute("DELETE FROM connections WHERE connectedAt < ?", [before.millis()])?;
        Ok(swept as u64)
    }

    async fn lease(&self, owner: &str, time: Duration) -> Result<Lease, StoreError> {
        let now = now().millis();
        let until = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let shard = self.shard.to_string();
        // Nobody comes between the two statements: this process alone has the database, and one thread at a time.
        self.run(|database| {
            let before: Option<String> = database
                .prepare_cached("SELECT owner FROM leases WHERE shard = ?")?
                .query_row([&shard], |row| row.get(0))
                .optional()?;
            let sql = "INSERT INTO leases VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET owner = ?2, until = ?3 WHERE owner = ?2 OR until <= ?4";
            let taken = database.prepare_cached(sql)?.execute(params![shard, owner, until, now])?;
            Ok(match before {
                _ if taken == 0 => Lease::Refused,
                Some(before) if before == owner => Lease::Kept,
                _ => Lease::New,
            })
        })
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        let sql = "UPDATE leases SET until = 0 WHERE shard = ? AND owner = ?";
        self.execute(sql, params![self.shard.to_string(), owner])?;
        Ok(())
    }
}

fn read_connection(row: &Row<'_>) -> rusqlite::Result<Connection> {
    let connected_at = Timestamp::from_millis(row.get(2)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Integer, Box::new(error))
    })?;
    Ok(Connection {
        id: row.get(1)?,
        connected_at,
        filter: Filter { event_type: row.get(3)?, source_app_id: row.get(4)? },
        batch: row.get(5)?,
        position: row.get::<_, i64>(6)?.cast_unsigned(),
    })
}
