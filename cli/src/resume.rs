//! Where to go on with an export that was begun before.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use eventlog_ledger::{Event, EventStore, MAX_EVENT_BYTES, Query, Seq};

/// The end of a file in which a whole line stands, if its lines are events, and the beginning of another.
const TAIL: u64 = 2 * (MAX_EVENT_BYTES as u64 + 1);

/// What a file is to this log.
pub(crate) enum Begun {
    /// An export of its events up to this place, ready to take the next ones.
    Until(Seq, File),
    /// Another process is writing it.
    Busy,
    /// Something else, which is left as it is.
    Foreign,
}

/// Opens or makes `path`, and cuts off a line that was not written to its end.
///
/// The last whole line stands for all before it: its hash covers them.
pub(crate) async fn resume(log: &impl EventStore, path: &Path) -> Result<Begun> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Begun::Busy),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let len = file.metadata()?.len();
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    file.read_to_end(&mut tail)?;
    let (whole, torn) =
        tail.split_at(tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
    let place = match whole.strip_suffix(b"\n") {
        Some(lines) => place_of_last(log, lines).await?,
        None => is_begin_of_first(log, torn).await?.then_some(0),
    };
    let Some(place) = place else { return Ok(Begun::Foreign) };
    file.set_len(len - torn.len() as u64)?;
    file.seek(SeekFrom::End(0))?;
    Ok(Begun::Until(place, file))
}

/// The place behind the event that the last of these lines is, if it stands in the log.
async fn place_of_last(log: &impl EventStore, lines: &[u8]) -> Result<Option<Seq>> {
    let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(event) = std::str::from_utf8(last).ok().and_then(|line| Event::from_line(line).ok()) else {
        return Ok(None);
    };
    if log.event(event.id).await?.as_ref() != Some(&event) {
        return Ok(None);
    }
    Ok(log.place(event.id).await?.map(|place| place + 1))
}

/// Whether an export of this log may begin like this, so that nothing else is lost by cutting it off.
async fn is_begin_of_first(log: &impl EventStore, torn: &[u8]) -> Result<bool> {
    if torn.is_empty() {
        return Ok(true);
    }
    let first = log.page(Query::from_place(0, 1, usize::MAX)).await.context("cannot read the log")?;
    Ok(first.events.first().is_some_and(|event| event.to_json().as_bytes().starts_with(torn)))
}
