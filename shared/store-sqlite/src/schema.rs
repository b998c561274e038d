//! The database file: how it is opened and what it holds.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// What an acknowledged event survives. A group of concurrent appends shares one commit either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process, at any moment (`synchronous=NORMAL`: the write-ahead log is written, not
    /// flushed, at each commit).
    Process,
    /// Loss of power too (`synchronous=FULL`: flushed at each commit).
    Power,
}

/// The database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written to.
    #[error("cannot use the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no database of ours, or SQLite cannot use it.
    #[error("cannot open the database {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file was written by a later version.
    #[error("the database {} has format {found}, this version knows {FORMAT}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
}

/// Kept in `user_version`; grows with every change of the schema.
const FORMAT: i64 = 1;

/// One row an event, its members as on the wire, but for the timestamp: milliseconds since 1970 (UTC).
/// `seq` is the rowid, so a page of the log is one stretch of the file.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS events (
        seq          INTEGER PRIMARY KEY,
        id           TEXT NOT NULL UNIQUE,
        eventType    TEXT NOT NULL,
        sourceAppId  TEXT NOT NULL,
        dataPayload  TEXT NOT NULL,
        timestamp    INTEGER NOT NULL,
        previousHash TEXT NOT NULL,
        currentHash  TEXT NOT NULL
    ) STRICT;
";

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the log in `folder`, making both if need be.
pub(crate) fn open(folder: &Path, durability: Durability) -> Result<(PathBuf, Connection), OpenError> {
    let unusable = |source| OpenError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let path = folder.join("events.db");
    let database = |source| OpenError::Database { path: path.clone(), source };
    let connection = Connection::open(&path).map_err(database)?;
    prepare(&connection, durability).map_err(database)?;
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(database)?;
    if found > FORMAT {
        return Err(OpenError::Newer { path, found });
    }
    if found < FORMAT {
        connection.execute_batch(SCHEMA).map_err(database)?;
        connection.pragma_update(None, "user_version", FORMAT).map_err(database)?;
    }
    Ok((path, connection))
}

fn prepare(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // Answers the mode as a row.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

/// Another connection to the same file, for reading.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}
