//! FerretDB: a second server that speaks MongoDB's protocol, independent of the others. Its data are on disk (in
//! SQLite), so it can be killed and started again; and it has no change streams.
//!
//! It is a Go program of a few lines, `ferretdb/main.go`, which is built when it is first needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::fresh_database;
use crate::process::{Process, launch, require_on_path, target_folder};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ferretdb");
/// It takes a fraction of a second, on a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A FerretDB of one's own. It and its data end when this is dropped.
pub struct FerretDb {
    program: PathBuf,
    process: Option<Process>,
    port: u16,
    /// After the process, which writes there until its end.
    data: TempDir,
}

impl FerretDb {
    /// Starts one, empty. Needs `go` the first time in a target folder. The error says in one line what is missing
    /// or went wrong.
    pub fn start() -> Result<Self, String> {
        let data = tempfile::tempdir().map_err(|error| format!("a folder for FerretDB: {error}"))?;
        let mut server = Self { program: program()?, process: None, port: 0, data };
        server.restart()?;
        Ok(server)
    }

    /// SIGKILL; returns when it has ended.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again, after [`kill`](Self::kill), with the data that it had, on another port: somebody else may
    /// have got the old one.
    pub fn restart(&mut self) -> Result<(), String> {
        self.kill();
        let mut ferretdb = Command::new(&self.program);
        ferretdb.arg("0").arg(self.data.path());
        let (process, port) = launch(ferretdb, PATIENCE).map_err(|reason| format!("FerretDB: {reason}"))?;
        (self.process, self.port) = (Some(process), port);
        Ok(())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Connection string without a database.
    pub fn uri(&self) -> String {
        format!("mongodb://{}/?directConnection=true", self.address())
    }
}

/// Whether there is a FerretDB for tests; the error says in one line, for people, why not.
pub(crate) fn can_start() -> Result<&'static str, String> {
    program().map(|_| "FerretDB")
}

/// The program, built if it is not there yet, or older than its source.
fn program() -> Result<PathBuf, String> {
    let folder = target_folder()?.join("ferretdb");
    let program = folder.join("ferretdb");
    if is_up_to_date(&program) {
        return Ok(program);
    }
    require_on_path("go")?;
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let incoming = folder.join(fresh_database());
    let mut go = Command::new("go");
    go.args(["build", "-ldflags=-s -w", "-o"]).arg(&incoming).arg(".");
    // Silent, because what Go prints can name private proxies with their passwords.
    go.current_dir(SOURCE).env("CGO_ENABLED", "0");
    go.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // One step, so that what has this name is always complete.
    if go.status().is_ok_and(|status| status.success()) && fs::rename(&incoming, &program).is_ok() {
        return Ok(program);
    }
    Err(format!("go could not build {SOURCE}; `go build` there says why"))
}

fn is_up_to_date(program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let source = ["main.go", "go.mod", "go.sum"].map(|name| changed(&Path::new(SOURCE).join(name)));
    let newest = source.into_iter().flatten().max().unwrap_or(SystemTime::UNIX_EPOCH);
    changed(program).is_some_and(|built| built > newest)
}
