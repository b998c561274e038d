//! Takes what was committed from the write-ahead log into the database file. That waits for the disk, which no append
//! should: so another thread does it.

use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

/// SQLite's own measure: 4 MB, some 15 ms of waiting.
const PAGES: i32 = 1000;

/// The write-ahead log begins anew when all of it has been taken over and nobody reads the old one. A writer that never
/// rests does it itself, at 32 MB, with most of it taken over already.
const MAX_PAGES: i32 = 8 * PAGES;

/// Has the log of this connection taken over from now on, until the connection is closed.
pub(crate) fn start(path: &Path, writer: &mut Connection) -> rusqlite::Result<()> {
    let connection = open(path)?;
    // One that is asked for while another one is under way sees what came meanwhile.
    let (ask, asked) = sync_channel(1);
    std::thread::spawn(move || take_over(&connection, &asked));
    let mut at = 0;
    writer.wal_hook(Some(move |log: &mut Wal, pages: i32| {
        if pages >= MAX_PAGES {
            // Where another thread is at it, the next commit comes here again.
            let _ = log.checkpoint();
        } else if pages >= at + PAGES {
            at = pages;
            let _ = ask.try_send(());
        } else if pages < at {
            at = 0;
        }
        Ok(())
    }))
}

/// All of it, now; the write-ahead log is empty then, if nobody else is at it.
pub(crate) fn take_all_over(path: &Path) -> rusqlite::Result<()> {
    open(path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

fn take_over(connection: &Connection, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        // What fails is left to the next time: nothing is lost.
        let _ = connection.pragma_query(None, "wal_checkpoint", |_| Ok(()));
    }
}
