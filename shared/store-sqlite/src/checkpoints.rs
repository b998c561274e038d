//! Copies what was committed from the write-ahead log into the database file. A checkpoint waits for the disk, which no append
//! should do, so a thread of its own makes it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

use crate::identity::Identity;

/// SQLite's own threshold: 4 MB, some 15 ms of waiting.
const CHECKPOINT_PAGES: i32 = 1000;

/// The write-ahead log starts again from its beginning once all of it is copied and no reader uses it. A writer that never
/// pauses makes the checkpoint itself, at 32 MB; most of the log is copied by then.
const MAX_LOG_PAGES: i32 = 8 * CHECKPOINT_PAGES;

/// Makes checkpoints of the writer's log from now on, until the writer is closed.
pub(crate) fn start(path: &Path, writer: &mut Connection, identity: Arc<Identity>) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A request during a checkpoint covers everything committed until then.
    let (request, requests) = sync_channel(1);
    std::thread::spawn(move || {
        make_checkpoints(&connection, &requests, &identity);
        detach_if_replaced(&connection, &identity);
    });
    let mut at = 0;
    writer.wal_hook(Some(move |log: &mut Wal, pages: i32| {
        if pages >= MAX_LOG_PAGES {
            // If the other thread is at work, the next commit comes here again.
            let _ = log.checkpoint();
        } else if pages >= at + CHECKPOINT_PAGES {
            at = pages;
            let _ = request.try_send(());
        } else if pages < at {
            at = 0;
        }
        Ok(())
    }))
}

fn make_checkpoints(connection: &Connection, requests: &Receiver<()>, identity: &Identity) {
    while requests.recv().is_ok() {
        if identity.check().is_ok() {
            // A failed checkpoint loses nothing: the next one copies the same pages.
            let _ = connection.pragma_query(None, "wal_checkpoint", |_| Ok(()));
        }
    }
}

/// Copies everything committed into the database file, and empties the log if no other process uses it. Uses the writer's
/// own connection: a new one would open whatever is at the path by now.
pub(crate) fn copy_all(writer: &Connection) -> rusqlite::Result<()> {
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// Keeps the close of a connection from deleting the log at its path where that is another file by now.
pub(crate) fn detach_if_replaced(connection: &Connection, identity: &Identity) {
    if identity.check().is_err() {
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}
