//! Damage to the database file.

use std::path::Path;

use eventlog_ledger::StoreError;
use rusqlite::{Connection, ErrorCode};

use crate::rows::store_error;
use crate::schema::{OpenError, open_reader};

impl OpenError {
    /// Returns whether the file is damaged, or not a database: opening it again does not help.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Database { source, .. } if is_damage(source))
    }
}

/// Checks that every page of `folder/events.db` can be read and that its indexes have exactly the events of the log.
/// Takes about a second for a million events; others may read and write meanwhile. It does not check any hash.
///
/// # Errors
///
/// [`StoreError::Corrupt`] where the file is damaged.
pub fn check_file(folder: &Path) -> Result<(), StoreError> {
    check(&open_reader(&folder.join("events.db")).map_err(store_error)?)
}

pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    let found: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(store_error)?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt { id: None, what: found }) }
}

/// Returns whether SQLite found its file damaged.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
