//! Damage to the database file.

use std::path::Path;

use eventlog_ledger::StoreError;
use rusqlite::Connection;

use crate::error::store_error;
use crate::schema::open_reader;

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
