//! Events as rows, and the statements that read and write them.

use eventlog_ledger::{Event, EventId, Head, Page, StoreError, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

/// A row that is no event is damage; anything else may pass.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
            StoreError::Corrupt(error.to_string())
        }
        error => StoreError::unavailable(error),
    }
}

pub(crate) fn head(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let mut last = connection.prepare_cached("SELECT * FROM events ORDER BY seq DESC LIMIT 1")?;
    last.query_row([], |row| Ok(Head::of(row.get::<_, i64>(0)?.cast_unsigned(), &read_event(row)?)))
        .optional()
}

pub(crate) fn event(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Event>> {
    let mut by_id = connection.prepare_cached("SELECT * FROM events WHERE id = ?")?;
    by_id.query_row([id.to_string()], read_event).optional()
}

pub(crate) fn insert(connection: &Connection, seq: u64, event: &Event) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events VALUES (:seq, :id, :eventType, :sourceAppId, :dataPayload, :timestamp, :previousHash, :currentHash)",
    )?;
    insert.execute(named_params! {
        ":seq": seq.cast_signed(),
        ":id": event.id.to_string(),
        ":eventType": event.event_type,
        ":sourceAppId": event.source_app_id,
        ":dataPayload": event.data_payload,
        ":timestamp": event.timestamp.millis(),
        ":previousHash": event.previous_hash.map(|hash| hash.to_string()).unwrap_or_default(),
        ":currentHash": event.current_hash.to_string(),
    })?;
    Ok(())
}

pub(crate) fn page(connection: &Connection, page: Page) -> rusqlite::Result<Vec<Event>> {
    let mut from = connection.prepare_cached("SELECT * FROM events WHERE seq >= ? ORDER BY seq LIMIT ?")?;
    let bound = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut rows = from.query(params![bound(page.from), bound(page.limit as u64)])?;
    let mut events = Vec::new();
    let mut bytes = "[".len();
    while let Some(row) = rows.next()? {
        let event = read_event(row)?;
        bytes += event.json_len() + 1;
        if bytes > page.max_bytes && !events.is_empty() {
            break;
        }
        events.push(event);
    }
    Ok(events)
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<Event> {
    fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        let text = row.get_ref(column)?.as_str()?;
        text.parse().map_err(|error| damaged(column, error))
    }
    let previous = row.get_ref(6)?.as_str()?;
    Ok(Event {
        id: parsed(row, 1)?,
        event_type: row.get(2)?,
        source_app_id: row.get(3)?,
        data_payload: row.get(4)?,
        timestamp: Timestamp::from_millis(row.get(5)?).map_err(|error| damaged(5, error))?,
        previous_hash: if previous.is_empty() { None } else { Some(parsed(row, 6)?) },
        current_hash: parsed(row, 7)?,
    })
}

fn damaged(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
