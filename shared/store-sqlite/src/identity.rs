//! Whether the files at the log's paths are still the files that were opened.
//!
//! SQLite keeps writing to a file that was removed or replaced, and reports success. Such events are lost with the process.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, io};

/// Device and inode.
type FileId = (u64, u64);

/// The files of an open database: the database, its write-ahead log and the index of that log (SQLite, "Write-Ahead Log").
/// While a connection is open, all three exist and stay the same, whatever other processes do with SQLite.
pub(crate) struct Identity {
    files: [(PathBuf, FileId); 3],
    /// Whether the present episode has been logged.
    is_logged: AtomicBool,
}

/// A file of the log is not the one that was opened.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the file {} was removed or replaced while it was open; restart on the right files", path.display())]
pub(crate) struct Replaced {
    path: PathBuf,
}

impl Identity {
    /// Reads the identity of the files. The connection must have read from the database, which creates the other two.
    pub(crate) fn of(database: &Path) -> io::Result<Self> {
        let with_suffix = |suffix: &str| {
            let mut path = database.as_os_str().to_owned();
            path.push(suffix);
            PathBuf::from(path)
        };
        let identify = |path: PathBuf| file_id(&path).map(|id| (path, id));
        let files =
            [identify(database.to_owned())?, identify(with_suffix("-wal"))?, identify(with_suffix("-shm"))?];
        Ok(Self { files, is_logged: AtomicBool::new(false) })
    }

    /// Checks all files; a difference is logged once.
    ///
    /// # Errors
    /// [`Replaced`] names the first file that is gone or another one. A file that cannot be examined counts as gone.
    pub(crate) fn check(&self) -> Result<(), Replaced> {
        let replaced = self.files.iter().find(|(path, id)| file_id(path).ok() != Some(*id));
        let Some((path, _)) = replaced else {
            self.is_logged.store(false, Ordering::Relaxed);
            return Ok(());
        };
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::error!(path = %path.display(), "a file of the log was removed or replaced; requests are refused");
        }
        Err(Replaced { path: path.clone() })
    }

    /// Returns whether only the write-ahead log or its index is gone, and nothing has taken the place of either.
    pub(crate) fn is_without_log(&self) -> bool {
        let [(database, id), log @ ..] = &self.files;
        file_id(database).ok() == Some(*id)
            && log.iter().all(|(path, id)| match file_id(path) {
                Ok(found) => found == *id,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            })
    }
}

fn file_id(path: &Path) -> io::Result<FileId> {
    fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}
