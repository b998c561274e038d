//! SQLite's errors as errors of a store.

use eventlog_ledger::{EventId, StoreError};
use rusqlite::ErrorCode;

/// A row that is not an event.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of the event {}: {source}", id.map(|id| id.to_string()).unwrap_or_default())]
pub(crate) struct InvalidRow {
    pub(crate) id: Option<EventId>,
    pub(crate) column: usize,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// Returns whether a repeat cannot help: the file is damaged, or is not a database (SQLite, "Result and Error Codes").
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// Returns whether another connection holds a lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Returns damage as [`StoreError::Corrupt`], any other error as [`StoreError::Unavailable`].
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    if !is_damage(&error) {
        return StoreError::unavailable(error);
    }
    match &error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => {
            let id = cause.downcast_ref::<InvalidRow>().and_then(|row| row.id);
            StoreError::Corrupt { id, what: cause.to_string() }
        }
        _ => StoreError::Corrupt { id: None, what: error.to_string() },
    }
}
