//! find, count, change streams, and cursors.

use std::time::{Duration, Instant};

use mongodb::bson::raw::{CStr, cstr};
use mongodb::bson::{Bson, RawArrayBuf, RawDocumentBuf, doc, rawdoc};

use super::command::{Command, boolean, check_fields, count, document, ok};
use crate::change_stream::ChangeStream;
use crate::cursor::{Cursor, FoundDocuments};
use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::failure::{CommandResult, Failure};
use crate::server::{Server, State};
use crate::storage::namespace::Namespace;
use crate::storage::query::{Query, Sort};

/// Default number of documents in a first batch.
const FIRST_BATCH_SIZE: usize = 101;
/// How long getMore waits for an event by default.
const AWAIT_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn find(server: &Server, command: &Command) -> CommandResult {
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
    let batch_size = count(body, "batchSize")?.unwrap_or(FIRST_BATCH_SIZE);
    let is_single = boolean(body, "singleBatch", false)?;

    let mut state = server.state()?;
    check_readable(server, command)?;
    let databases = if is_majority { &state.replication.majority } else { &state.replication.local };
    let documents = databases.select(&namespace, &query)?.into();
    let mut found = FoundDocuments { namespace: namespace.clone(), documents, projection };
    let batch = found.take_batch(batch_size)?;
    let is_finished = is_single || found.documents.is_empty();
    let id = if is_finished { 0 } else { state.open_cursor(Cursor::Documents(found)) };
    drop(state);
    batch_reply(cstr!("firstBatch"), &namespace, id, batch, None)
}

/// Counts all documents of a collection.
pub(super) fn count_all(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&[])?;
    let query = Query { filter: Filter::default(), sort: Sort::default(), skip: 0, limit: usize::MAX };
    let namespace = command.namespace()?;
    let state = server.state()?;
    check_readable(server, command)?;
    let found = state.replication.local.select(&namespace, &query)?;
    ok(doc! { "n": i64::try_from(found.len()).unwrap_or(i64::MAX) })
}

/// Opens a change stream, the only aggregation.
pub(super) fn open_change_stream(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&["pipeline", "cursor"])?;
    let namespace = command.namespace()?;
    is_majority_read(command)?;
    if !server.settings.change_streams {
        return Err(Failure::no_change_streams());
    }
    let mut state = server.state()?;
    check_readable(server, command)?;
    let stream = ChangeStream::open(namespace.clone(), command.array("pipeline")?, &state.replication)?;
    let token = RawDocumentBuf::try_from(&stream.resume_token())?;
    let id = state.open_cursor(Cursor::ChangeStream(stream));
    drop(state);
    // The first getMore returns the events that exist already.
    batch_reply(cstr!("firstBatch"), &namespace, id, RawArrayBuf::new(), Some(token))
}

pub(super) async fn get_more(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&["collection", "batchSize"])?;
    let id = cursor_id(command)?;
    let namespace = Namespace::new(command.database()?, command.text("collection")?);
    let size = count(&command.body, "batchSize")?.filter(|size| *size > 0).unwrap_or(usize::MAX);
    let wait = count(&command.body, "maxTimeMS")?
        .map_or(AWAIT_TIMEOUT, |millis| Duration::from_millis(millis as u64));
    let deadline = Instant::now() + wait;
    let (mut writes, mut changes) = (server.writes.subscribe(), server.replication_changes.subscribe());
    loop {
        writes.borrow_and_update();
        changes.borrow_and_update();
        let next = {
            let mut state = server.state()?;
            let State { cursors, replication, .. } = &mut *state;
            match cursors.get_mut(&id).ok_or_else(|| Failure::cursor_not_found(id))? {
                Cursor::Documents(found) if found.namespace == namespace => {
                    let batch = found.take_batch(size)?;
                    let is_finished = found.documents.is_empty();
                    if is_finished {
                        cursors.remove(&id);
                    }
                    let id = if is_finished { 0 } else { id };
                    return batch_reply(cstr!("nextBatch"), &namespace, id, batch, None);
                }
                Cursor::ChangeStream(stream) if stream.namespace == namespace => {
                    let batch = stream.next_batch(replication, size)?;
                    if !batch.is_empty() || Instant::now() >= deadline {
                        let token = RawDocumentBuf::try_from(&stream.resume_token())?;
                        let batch = batch.into_iter().collect();
                        return batch_reply(cstr!("nextBatch"), &namespace, id, batch, Some(token));
                    }
                }
                _ => return Err(Failure::bad_value("a cursor of another collection")),
            }
            replication.next_visible().map_or(deadline, |next| next.min(deadline))
        };
        tokio::select! {
            () = server.clock.sleep_until(next) => {}
            _ = writes.changed() => {}
            _ = changes.changed() => {}
        }
    }
}

pub(super) fn kill_cursors(server: &Server, command: &Command) -> CommandResult {
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

pub(super) fn reads_change_stream(server: &Server, command: &Command) -> bool {
    let (Ok(id), Ok(state)) = (cursor_id(command), server.state()) else {
        return false;
    };
    // An unknown cursor may have been a change stream before a restart.
    !matches!(state.cursors.get(&id), Some(Cursor::Documents(_)))
}

fn cursor_id(command: &Command) -> Result<i64, Failure> {
    command.body.get_i64("getMore").map_err(|_| Failure::bad_value("getMore without a cursor"))
}

fn is_majority_read(command: &Command) -> Result<bool, Failure> {
    let concern = document(&command.body, "readConcern")?;
    check_fields("readConcern", concern.keys().map(String::as_str), &["level"])?;
    match concern.get("level").map(Bson::as_str) {
        None | Some(Some("local" | "available")) => Ok(false),
        Some(Some("majority")) => Ok(true),
        Some(level) => Err(Failure::not_simulated(format!("the read concern {level:?}"))),
    }
}

/// Refuses a read from the primary while there is none.
fn check_readable(server: &Server, command: &Command) -> Result<(), Failure> {
    let preference = document(&command.body, "$readPreference")?;
    let needs_primary =
        preference.get_str("mode").is_ok_and(|mode| mode == "primary") || preference.is_empty();
    if needs_primary && !server.role.borrow().is_primary {
        return Err(Failure::not_primary(true));
    }
    Ok(())
}

/// Returns the reply with a batch; `name` is `firstBatch` or `nextBatch`.
fn batch_reply(
    name: &CStr,
    namespace: &Namespace,
    id: i64,
    batch: RawArrayBuf,
    token: Option<RawDocumentBuf>,
) -> CommandResult {
    let mut cursor = rawdoc! { "id": id, "ns": namespace.to_string() };
    cursor.append(name, batch);
    if let Some(token) = token {
        cursor.append(cstr!("postBatchResumeToken"), token);
    }
    Ok(rawdoc! { "cursor": cursor, "ok": 1.0 })
}
