//! Events as rows, and the statements that read and write them.

use eventlog_ledger::{Event, EventId, Head, Order, Page, Query, RequestId, Seq, StoreError, Timestamp};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, named_params, params};

use crate::integrity::is_damage;

/// A row is no event: some column of it.
#[derive(Debug, thiserror::Error)]
#[error("column {column} of the event {}: {source}", id.map(|id| id.to_string()).unwrap_or_default())]
struct Damaged {
    id: Option<EventId>,
    column: usize,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A row that is no event is damage; anything else may pass.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::FromSqlConversionFailure(_, _, cause) => {
            let id = cause.downcast_ref::<Damaged>().and_then(|damaged| damaged.id);
            StoreError::Corrupt { id, what: cause.to_string() }
        }
        _ if is_damage(&error) => StoreError::Corrupt { id: None, what: error.to_string() },
        _ => StoreError::unavailable(error),
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

/// The event, and the request it was logged for.
pub(crate) fn logged(
    connection: &Connection,
    id: EventId,
) -> rusqlite::Result<Option<(Event, Option<RequestId>)>> {
    let mut by_id = connection.prepare_cached("SELECT * FROM events WHERE id = ?")?;
    by_id.query_row([id.to_string()], |row| Ok((read_event(row)?, row.get(8).map(read_request)?))).optional()
}

fn read_request(stored: Option<[u8; 16]>) -> Option<RequestId> {
    stored.map(RequestId)
}

pub(crate) fn place(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Seq>> {
    let mut by_id = connection.prepare_cached("SELECT seq FROM events WHERE id = ?")?;
    by_id.query_row([id.to_string()], read_seq).optional()
}

fn count(connection: &Connection) -> rusqlite::Result<Seq> {
    let mut count = connection.prepare_cached("SELECT ifnull(max(seq), -1) + 1 FROM events")?;
    count.query_row([], read_seq)
}

/// Timestamps never decrease along `seq`: some twenty looks in a log of a million, and no index for each append to keep.
pub(crate) fn place_in_time(connection: &Connection, time: Timestamp) -> rusqlite::Result<Option<Seq>> {
    let mut at_or_after =
        connection.prepare_cached("SELECT timestamp FROM events WHERE seq >= ? ORDER BY seq LIMIT 1")?;
    let count = count(connection)?.cast_signed();
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if at_or_after.query_row([middle], |row| row.get::<_, i64>(0))? < time.millis() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok((low < count).then_some(low.cast_unsigned()))
}

fn read_seq(row: &Row<'_>) -> rusqlite::Result<Seq> {
    row.get::<_, i64>(0).map(i64::cast_unsigned)
}

/// Writes rows.
pub(crate) struct Insert<'c>(CachedStatement<'c>);

impl<'c> Insert<'c> {
    /// For any number of them.
    pub(crate) fn into(connection: &'c Connection) -> rusqlite::Result<Self> {
        let columns =
            "seq, id, eventType, sourceAppId, dataPayload, timestamp, previousHash, currentHash, request";
        let sql = format!("INSERT INTO events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        connection.prepare_cached(&sql).map(Self)
    }

    pub(crate) fn row(
        &mut self,
        seq: Seq,
        event: &Event,
        request: Option<RequestId>,
    ) -> rusqlite::Result<()> {
        self.0.execute(params![
            seq.cast_signed(),
            event.id.to_string(),
            event.event_type,
            event.source_app_id,
            event.data_payload,
            event.timestamp.millis(),
            event.previous_hash.map(|hash| hash.to_string()).unwrap_or_default(),
            event.current_hash.to_string(),
            request.map(|request| request.0),
        ])?;
        Ok(())
    }
}

pub(crate) fn page(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(&page_sql(query))?;
    let bound = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut rows = statement.query(named_params! {
        ":eventType": query.filter.event_type.as_deref().unwrap_or_default(),
        ":sourceAppId": query.filter.source_app_id.as_deref().unwrap_or_default(),
        ":from": bound(query.places.start),
        ":to": bound(query.places.end),
        ":skip": bound(query.skip),
    })?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if !page.take(query, || read_place_and_event(row))? {
            break;
        }
    }
    if query.is_known_to_end && !page.has_more && count(connection)? < query.places.end {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    }
    Ok(page)
}

/// The index is named: without statistics SQLite may take another, and read the whole log.
pub(crate) fn page_sql(query: &Query) -> String {
    // Each statement must know all parameters.
    let (index, filter) = match (&query.filter.event_type, &query.filter.source_app_id) {
        (None, None) => ("NOT INDEXED", "TRUE OR :eventType OR :sourceAppId"),
        (Some(_), None) => ("INDEXED BY byType", "eventType = :eventType AND (TRUE OR :sourceAppId)"),
        (None, Some(_)) => ("INDEXED BY bySource", "sourceAppId = :sourceAppId AND (TRUE OR :eventType)"),
        (Some(_), Some(_)) => {
            ("INDEXED BY byTypeAndSource", "eventType = :eventType AND sourceAppId = :sourceAppId")
        }
    };
    let order = match query.order {
        Order::Ascending => "ASC",
        Order::Descending => "DESC",
    };
    format!(
        "SELECT * FROM events {index} WHERE ({filter}) AND seq >= :from AND seq < :to
            ORDER BY seq {order} LIMIT -1 OFFSET :skip"
    )
}

fn read_place_and_event(row: &Row<'_>) -> rusqlite::Result<(Seq, Event)> {
    Ok((row.get::<_, i64>(0)?.cast_unsigned(), read_event(row)?))
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<Event> {
    fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, Box<dyn std::error::Error + Send + Sync>>
    where
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        Ok(text.parse()?)
    }
    let text = |column| -> Result<&str, Box<dyn std::error::Error + Send + Sync>> {
        Ok(row.get_ref(column)?.as_str()?)
    };
    let id = text(1).and_then(parsed).map_err(|source| damaged(None, 1, source))?;
    let at = |column| move |source| damaged(Some(id), column, source);
    let previous = text(6).map_err(at(6))?;
    let timestamp = row.get(5).map_err(|error| at(5)(error.into()))?;
    Ok(Event {
        id,
        event_type: text(2).map_err(at(2))?.to_owned(),
        source_app_id: text(3).map_err(at(3))?.to_owned(),
        data_payload: text(4).map_err(at(4))?.to_owned(),
        timestamp: Timestamp::from_millis(timestamp).map_err(|error| at(5)(error.into()))?,
        previous_hash: if previous.is_empty() { None } else { Some(parsed(previous).map_err(at(6))?) },
        current_hash: text(7).and_then(parsed).map_err(at(7))?,
    })
}

fn damaged(
    id: Option<EventId>,
    column: usize,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> rusqlite::Error {
    let damaged = Box::new(Damaged { id, column, source });
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, damaged)
}
