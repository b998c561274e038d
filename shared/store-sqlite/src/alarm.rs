//! Rings when the log has grown, whoever appended.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::broadcast::{Alarm, Every};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::schema::open_reader;

/// How often to look whether another process has written: about 2 µs a look.
const LOOK: Duration = Duration::from_millis(50);

/// Hears of this process's appends at once, of another's within 50 ms.
pub struct LogAlarm {
    appended: Arc<Notify>,
    look: Every,
    connection: Connection,
    data_version: i64,
}

impl LogAlarm {
    pub(crate) fn new(path: &Path, appended: Arc<Notify>) -> rusqlite::Result<Self> {
        Ok(Self { appended, look: Every::new(LOOK), connection: open_reader(path)?, data_version: 0 })
    }

    /// SQLite's `data_version` moves when any other connection has written the file.
    fn has_moved(&mut self) -> bool {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        // An error rings: whoever reads the log next will find it too.
        let version = version.unwrap_or(-1);
        std::mem::replace(&mut self.data_version, version) != version
    }
}

impl Alarm for LogAlarm {
    async fn ring(&mut self) {
        loop {
            tokio::select! {
                () = self.appended.notified() => return,
                () = self.look.ring() => if self.has_moved() { return },
            }
        }
    }
}
