//! FerretDB: a second server for MongoDB's protocol, independent of the others. It keeps its data on disk, in SQLite,
//! so a test can kill and restart it. It has no change streams.

mod program;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, start_server};

/// How long a start may take on a slow machine; it takes a fraction of a second on an idle one.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A FerretDB. Dropping it ends the server and deletes the data.
pub struct FerretDb {
    program: PathBuf,
    process: Option<Process>,
    port: u16,
    /// Dropped after the process, which writes to it until its end.
    data: TempDir,
}

impl FerretDb {
    /// Starts an empty server. Needs `go` the first time in a target folder.
    ///
    /// # Errors
    /// One line with the missing tool or the failed step.
    pub fn start() -> Result<Self, String> {
        let data = tempfile::tempdir().map_err(|error| format!("failed to create a data folder: {error}"))?;
        let mut server = Self { program: program::find_or_build()?, process: None, port: 0, data };
        server.restart()?;
        Ok(server)
    }

    /// Kills the server and waits for its end.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Kills the server, if it still runs, and starts it with the same data. The port is a new one, because another
    /// process may have taken the old one.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let mut ferretdb = Command::new(&self.program);
        ferretdb.arg("0").arg(self.data.path());
        let (process, port) =
            start_server(ferretdb, START_TIMEOUT).map_err(|reason| format!("FerretDB: {reason}"))?;
        (self.process, self.port) = (Some(process), port);
        Ok(())
    }

    /// Returns host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the connection string, without a database.
    pub fn uri(&self) -> String {
        format!("mongodb://{}/?directConnection=true", self.address())
    }
}

/// Returns the name of the server if it can be started, else the reason in one line.
pub(crate) fn check_available() -> Result<&'static str, String> {
    program::find_or_build().map(|_| "FerretDB")
}
