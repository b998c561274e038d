//! The connections of one process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventlog_ledger::{Connection, ConnectionStore, Joined, Seq, StoreError, Timestamp, now};
use rusqlite::{OptionalExtension, Row, params};

use crate::rows::store_error;

/// The connections of this process, in a database in memory: a socket does not outlive its process, so
/// neither need what is known of it.
#[derive(Clone)]
pub struct Connections {
    database: Arc<Mutex<rusqlite::Connection>>,
}

/// `joined` counts up, so that a look can go on where the last one ended.
const SCHEMA: &str = "
    CREATE TABLE connections (
        joined      INTEGER PRIMARY KEY AUTOINCREMENT,
        id          TEXT NOT NULL UNIQUE,
        connectedAt INTEGER NOT NULL,
        position    INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE lease (
        only  INTEGER PRIMARY KEY CHECK (only = 0),
        owner TEXT NOT NULL,
        until INTEGER NOT NULL
    ) STRICT;
";

impl Connections {
    /// An empty store.
    pub fn open() -> Result<Self, StoreError> {
        let database = rusqlite::Connection::open_in_memory().map_err(store_error)?;
        database.execute_batch(SCHEMA).map_err(store_error)?;
        Ok(Self { database: Arc::new(Mutex::new(database)) })
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
    async fn add(&self, Connection { id, connected_at, position }: Connection) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO connections (id, connectedAt, position) VALUES (?, ?, ?)";
        self.execute(sql, params![id, connected_at.millis(), position.cast_signed()])?;
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM connections WHERE id = ?", [id])?;
        Ok(())
    }

    async fn contains(&self, id: &str) -> Result<bool, StoreError> {
        self.run(|database| database.prepare_cached("SELECT 1 FROM connections WHERE id = ?")?.exists([id]))
    }

    async fn joined(&self, mark: Option<i64>) -> Result<Joined, StoreError> {
        self.run(|database| {
            let sql =
                "SELECT joined, id, connectedAt, position FROM connections WHERE joined > ? ORDER BY joined";
            let mut since = database.prepare_cached(sql)?;
            let rows =
                since.query_map([mark.unwrap_or(0)], |row| Ok((row.get(0)?, read_connection(row)?)))?;
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

    async fn lease(&self, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let now = now().millis();
        let until = now.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let sql = "INSERT INTO lease VALUES (0, ?1, ?2) ON CONFLICT DO UPDATE SET owner = ?1, until = ?2
                   WHERE owner = ?1 OR until <= ?3 RETURNING 1";
        let taken = self.run(|database| {
            database.prepare_cached(sql)?.query_row(params![owner, until, now], |_| Ok(())).optional()
        })?;
        Ok(taken.is_some())
    }

    async fn release(&self, owner: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM lease WHERE owner = ?", [owner])?;
        Ok(())
    }
}

fn read_connection(row: &Row<'_>) -> rusqlite::Result<Connection> {
    let connected_at = Timestamp::from_millis(row.get(2)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Integer, Box::new(error))
    })?;
    Ok(Connection { id: row.get(1)?, connected_at, position: row.get::<_, i64>(3)?.cast_unsigned() })
}
