//! The database file: how it is opened and what it holds.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{is_busy, is_damage};

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
    /// The file is damaged, or is not a database.
    #[error("the database {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
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

impl OpenError {
    pub(crate) fn database(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if is_damage(&source) { Self::Damaged { path, source } } else { Self::Database { path, source } }
    }
}

/// Kept in `user_version`; grows with every change of the schema.
const FORMAT: i64 = STEPS.len() as i64;

/// From each format to the next; a new file goes through all.
///
/// One row an event, its members as on the wire, but for the timestamp: milliseconds since 1970 (UTC).
/// `seq` is the rowid, so a page of the log is one stretch of the file, and each index ends with it. `request` is what a
/// repeated request is recognised by. Each index costs every append: time, which only grows, has none.
const STEPS: [&str; 3] = [
    "CREATE TABLE events (
        seq          INTEGER PRIMARY KEY,
        id           TEXT NOT NULL UNIQUE,
        eventType    TEXT NOT NULL,
        sourceAppId  TEXT NOT NULL,
        dataPayload  TEXT NOT NULL,
        timestamp    INTEGER NOT NULL,
        previousHash TEXT NOT NULL,
        currentHash  TEXT NOT NULL
    ) STRICT;",
    "ALTER TABLE events ADD COLUMN request BLOB;
    CREATE INDEX byType ON events (eventType);
    CREATE INDEX bySource ON events (sourceAppId);
    CREATE INDEX byTypeAndSource ON events (eventType, sourceAppId);",
    "DROP INDEX IF EXISTS byTime;",
];

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the log in `folder`, making both if need be.
pub(crate) fn open(folder: &Path, durability: Durability) -> Result<(PathBuf, Connection), OpenError> {
    let unusable = |source| OpenError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(unusable)?;
    let path = folder.join("events.db");
    let database = |source| OpenError::database(&path, source);
    let mut connection = Connection::open(&path).map_err(database)?;
    let found = prepare(&mut connection, durability).map_err(database)?;
    if found > FORMAT { Err(OpenError::Newer { path, found }) } else { Ok((path, connection)) }
}

/// Makes what is not there yet; answers the format of what was.
fn prepare(connection: &mut Connection, durability: Durability) -> rusqlite::Result<i64> {
    connection.busy_timeout(BUSY)?;
    // Answers the mode as a row.
    when_free(|| connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))?;
    let synchronous = match durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    let format =
        |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
    if format(connection)? < FORMAT {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = usize::try_from(format(&transaction)?).unwrap_or_default();
        for step in STEPS.iter().skip(found) {
            transaction.execute_batch(step)?;
        }
        if found < STEPS.len() {
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        transaction.commit()?;
    }
    format(connection)
}

/// Repeats what fails at once, and does not wait as `busy_timeout` asks, where another process is opening or closing
/// the file: the change to the write-ahead log.
fn when_free<T>(mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let since = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && since.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(5));
            }
            ended => return ended,
        }
    }
}

/// Another connection to the same file, for reading.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}
