//! A copy of the log in one file, taken while others write.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use eventlog_ledger::{Head, StoreError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::{Builder, NamedTempFile};

use crate::error::store_error;
use crate::integrity::check;
use crate::rows::head;

/// Pages between two calls of `go_on`: 4 MB.
const STEP: i32 = 1000;

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Pages of the database that are copied.
    pub pages: u64,
    /// Pages of the database.
    pub total: u64,
}

/// A backup cannot be made. No file is left under its name.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of this name, which is left as it is.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// The caller stopped it.
    #[error("interrupted")]
    Stopped,
    /// The log cannot be read, or is damaged.
    #[error("failed to read the log: {0}")]
    Read(#[from] StoreError),
    /// The file cannot be written.
    #[error("failed to write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Copies the log in `folder` into the new file `to`, as one moment has it, and returns the head of the copy. Any number
/// of processes may write the log meanwhile; its write-ahead log grows until the copy is made.
///
/// The copy is one database file, as `events.db` in a folder of its own. It has a temporary name in the same folder until
/// it is complete and flushed to the disk. `go_on` is called now and then, and may stop it.
///
/// # Errors
///
/// Those of [`BackupError`]; [`StoreError::Corrupt`] where the file is damaged.
pub fn backup(
    folder: &Path,
    to: &Path,
    mut go_on: impl FnMut(Copied) -> ControlFlow<()>,
) -> Result<Option<Head>, BackupError> {
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let log = open(&folder.join("events.db")).map_err(store_error)?;
    // The copy restarts with every commit of another process, except within a transaction.
    let moment = log.unchecked_transaction().map_err(store_error)?;
    let head = head(&moment).map_err(store_error)?;
    check(&moment)?;

    let failed = |source| BackupError::Write { path: to.to_owned(), source };
    let target_folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let copy = Builder::new().prefix(".eventlog-backup-").suffix(".partial").tempfile_in(target_folder);
    let copy = copy.map_err(failed)?;
    copy_pages(&moment, &copy, &mut go_on).map_err(|error| match error {
        Fault::Stopped => BackupError::Stopped,
        Fault::Sqlite(error) => failed(io::Error::other(error)),
    })?;
    name(copy, to, target_folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => failed(source),
    })?;
    Ok(head)
}

/// Takes over what a killed process left in the write-ahead log, where it is the only connection.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

enum Fault {
    Stopped,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn copy_pages(
    moment: &Connection,
    copy: &NamedTempFile,
    go_on: &mut impl FnMut(Copied) -> ControlFlow<()>,
) -> Result<(), Fault> {
    let mut target = Connection::open(copy.path())?;
    // A copy that is not complete is removed, so it needs no journal.
    target.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    target.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(moment, &mut target)?;
    let mut step = StepResult::More;
    while step != StepResult::Done {
        step = backup.step(STEP)?;
        let progress = backup.progress();
        let pages = |count: i32| u64::try_from(count).unwrap_or_default();
        let total = pages(progress.pagecount);
        let copied = Copied { pages: total - pages(progress.remaining), total };
        if go_on(copied).is_break() {
            return Err(Fault::Stopped);
        }
    }
    Ok(())
}

/// Flushes the file and gives it its name.
fn name(copy: NamedTempFile, to: &Path, folder: &Path) -> io::Result<()> {
    copy.as_file().sync_all()?;
    copy.persist_noclobber(to).map_err(|failed| failed.error)?;
    File::open(folder)?.sync_all()
}
