//! find, change streams, and the cursors of both.

use std::time::{Duration, Instant};

use mongodb::bson::{Bson, RawArrayBuf, RawDocumentBuf, doc, rawdoc};

use super::{Command, boolean, count, document, ok};
use crate::change_stream::ChangeStream;
use crate::cursor::{Cursor, Rest};
use crate::databases::Namespace;
use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::failure::{Answer, Failure};
use crate::plan::{Query, Sort};
use crate::server::{Server, State};

/// Documents in a first batch where the client names no number.
const FIRST_BATCH: usize = 101;
/// How long getMore waits for an event where the client says nothing.
const AWAIT: Duration = Duration::from_secs(1);

pub(super) fn find(server: &Server, command: &Command) -> Answer {
    command.check_fields(&["filter", "sort", "projection", "skip", "limit", "batchSize", "singleBatch"])?;
    let body = &command.body;
    let namespace = command.namespace()?;
    let query = Query {
        filter: Filter::parse(&document(body, "filter")?)?,
        sort: Sort::parse(&document(body, "sort")?)?,
        skip: count(body, "skip")?.unwrap_or(0),
        limit: count(body, "limit")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX),
    };
    let projection = Projection::parse(&document(body, "projection")?)?;
    let is_majority = is_majority_read(command)?;
    let batch_size = count(body, "batchSize")?.unwrap_or(FIRST_BATCH);
    let is_single = boolean(body, "singleBatch", false)?;

    let mut state = server.state()?;
    check_readable(server, command)?;
    let databases = if is_majority { &state.replication.majority } else { &state.replication.local };
    let found = databases.collection(&namespace).map_or(Ok(Vec::new()), |found| found.select(&query))?;
    let mut rest = Rest { namespace: namespace.clone(), documents: found.into(), projection };
    let batch = rest.batch(batch_size)?;
    let id = if is_single || rest.documents.is_empty() { 0 } else { state.open(Cursor::Rest(rest)) };
    drop(state);
    first_batch(&namespace, id, batch, None)
}

/// Of a whole collection.
pub(super) fn count_all(server: &Server, command: &Command) -> Answer {
    command.check_fields(&[])?;
    let everything =
        Query { filter: Filter::parse(&doc! {})?, sort: Sort::parse(&doc! {})?, skip: 0, limit: usize::MAX };
    let namespace = command.namespace()?;
    let state = server.state()?;
    check_readable(server, command)?;
    let found = state.replication.local.collection(&namespace);
    let all = found.map_or(Ok(Vec::new()), |found| found.select(&everything))?;
    ok(doc! { "n": i64::try_from(all.len()).unwrap_or(i64::MAX) })
}

pub(super) fn aggregate(server: &Server, command: &Command) -> Answer {
    command.check_fields(&["pipeline", "cursor"])?;
    let namespace = command.namespace()?;
    is_majority_read(command)?;
    if !server.settings.change_streams {
        return Err(Failure::no_change_streams());
    }
    let mut state = server.state()?;
    check_readable(server, command)?;
    let stream = ChangeStream::open(namespace.clone(), command.array("pipeline")?, &state.replication)?;
    let token = RawDocumentBuf::try_from(&stream.token())?;
    let id = state.open(Cursor::Stream(stream));
    drop(state);
    // Events that are there already come with the first getMore.
    first_batch(&namespace, id, RawArrayBuf::new(), Some(token))
}

pub(super) async fn get_more(server: &Server, command: &Command) -> Answer {
    command.check_fields(&["collection", "batchSize"])?;
    let id = cursor_id(command)?;
    let namespace = Namespace::new(command.database()?, command.text("collection")?);
    let size = count(&command.body, "batchSize")?.filter(|size| *size > 0).unwrap_or(usize::MAX);
    let wait =
        count(&command.body, "maxTimeMS")?.map_or(AWAIT, |millis| Duration::from_millis(millis as u64));
    let until = Instant::now() + wait;
    let (mut writes, mut turns) = (server.writes.subscribe(), server.turns.subscribe());
    loop {
        writes.borrow_and_update();
        turns.borrow_and_update();
        let next = {
            let mut state = server.state()?;
            let State { cursors, replication, .. } = &mut *state;
            match cursors.get_mut(&id).ok_or_else(|| Failure::cursor_not_found(id))? {
                Cursor::Rest(rest) if rest.namespace == namespace => {
                    let batch = rest.batch(size)?;
                    let left = !rest.documents.is_empty();
                    if !left {
                        cursors.remove(&id);
                    }
                    return next_batch(&namespace, if left { id } else { 0 }, batch, None);
                }
                Cursor::Stream(stream) if stream.namespace == namespace => {
                    let batch = stream.batch(replication, size)?;
                    if !batch.is_empty() || Instant::now() >= until {
                        let token = RawDocumentBuf::try_from(&stream.token())?;
                        return next_batch(&namespace, id, batch.into_iter().collect(), Some(token));
                    }
                }
                _ => return Err(Failure::bad_value("a cursor of another collection")),
            }
            replication.next_visible().map_or(until, |next| next.min(until))
        };
        tokio::select! {
            () = server.clock.sleep_until(next) => {}
            _ = writes.changed() => {}
            _ = turns.changed() => {}
        }
    }
}

pub(super) fn kill_cursors(server: &Server, command: &Command) -> Answer {
    command.check_fields(&["cursors"])?;
    let (mut killed, mut not_found) = (Vec::new(), Vec::new());
    let mut state = server.state()?;
    for id in command.array("cursors")?.iter().filter_map(Bson::as_i64) {
        let found = state.cursors.remove(&id).is_some();
        if found { &mut killed } else { &mut not_found }.push(id);
    }
    let none: [i64; 0] = [];
    ok(doc! {
        "cursorsKilled": killed, "cursorsNotFound": not_found, "cursorsAlive": none, "cursorsUnknown": none,
    })
}

pub(super) fn is_change_stream(server: &Server, command: &Command) -> bool {
    let (Ok(id), Ok(state)) = (cursor_id(command), server.state()) else {
        return false;
    };
    // One that is not known can have been one before a restart.
    !matches!(state.cursors.get(&id), Some(Cursor::Rest(_)))
}

fn cursor_id(command: &Command) -> Result<i64, Failure> {
    command.body.get_i64("getMore").map_err(|_| Failure::bad_value("getMore without a cursor"))
}

fn is_majority_read(command: &Command) -> Result<bool, Failure> {
    let concern = document(&command.body, "readConcern")?;
    super::check_fields("readConcern", concern.keys().map(String::as_str), &["level"])?;
    match concern.get("level").map(Bson::as_str) {
        None | Some(Some("local" | "available")) => Ok(false),
        Some(Some("majority")) => Ok(true),
        Some(level) => Err(Failure::not_simulated(format!("the read concern {level:?}"))),
    }
}

/// Without a primary only those may read who would read from a secondary.
fn check_readable(server: &Server, command: &Command) -> Result<(), Failure> {
    let preference = document(&command.body, "$readPreference")?;
    let needs_primary =
        preference.get_str("mode").is_ok_and(|mode| mode == "primary") || preference.is_empty();
    if needs_primary && !server.role.borrow().is_primary {
        return Err(Failure::not_primary(true));
    }
    Ok(())
}

impl State {
    fn open(&mut self, cursor: Cursor) -> i64 {
        self.last_cursor += 1;
        self.cursors.insert(self.last_cursor, cursor);
        self.last_cursor
    }
}

fn first_batch(namespace: &Namespace, id: i64, batch: RawArrayBuf, token: Option<RawDocumentBuf>) -> Answer {
    let mut cursor = rawdoc! { "firstBatch": batch, "id": id, "ns": namespace.to_string() };
    if let Some(token) = token {
        cursor.append(mongodb::bson::raw::cstr!("postBatchResumeToken"), token);
    }
    Ok(rawdoc! { "cursor": cursor, "ok": 1.0 })
}

fn next_batch(namespace: &Namespace, id: i64, batch: RawArrayBuf, token: Option<RawDocumentBuf>) -> Answer {
    let mut cursor = rawdoc! { "nextBatch": batch, "id": id, "ns": namespace.to_string() };
    if let Some(token) = token {
        cursor.append(mongodb::bson::raw::cstr!("postBatchResumeToken"), token);
    }
    Ok(rawdoc! { "cursor": cursor, "ok": 1.0 })
}
