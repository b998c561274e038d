//! A running `eventlog dev`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use eventlog_testing::{binary, fresh_database, server, within};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;

/// Where the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    MongoDb,
}

impl Backend {
    /// The name of a test on it.
    pub(crate) fn name(self, case: &str) -> String {
        match self {
            Self::Sqlite => case.into(),
            Self::MongoDb => format!("{case}_on_mongodb"),
        }
    }
}

/// A log that outlives the processes that serve it.
pub(crate) struct Data {
    folder: TempDir,
    mongodb_uri: Option<String>,
}

impl Data {
    pub(crate) fn fresh(backend: Backend) -> Self {
        let mongodb_uri = (backend == Backend::MongoDb).then(|| {
            let uri = server().expect("a server").uri();
            let (address, options) = uri.split_once('?').unwrap_or((uri, ""));
            format!("{}/{}?{options}", address.trim_end_matches('/'), fresh_database())
        });
        Self { folder: tempfile::tempdir().expect("a folder"), mongodb_uri }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a process that serves this log, on a free port.
    pub(crate) async fn serve(&self) -> System {
        System::start(self.command(&["dev", "--port", "0"])).await
    }

    /// A command on this log.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = eventlog(arguments);
        match &self.mongodb_uri {
            Some(uri) => command.env("MONGODB_URI", uri),
            None => command.arg("--data").arg(self.folder.path()),
        };
        command
    }

    /// The MongoDB it is kept in, if it is.
    pub(crate) fn mongodb_uri(&self) -> Option<&str> {
        self.mongodb_uri.as_deref()
    }
}

/// The command line, with nothing of this process's environment that would change what it does.
pub(crate) fn eventlog(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("eventlog"));
    command.args(arguments);
    for name in ["EVENTLOG_TOKEN", "MONGODB_URI", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A server that is ready; killed when dropped.
pub(crate) struct System {
    pub(crate) process: Child,
    pub(crate) port: u16,
    /// The first line it printed.
    pub(crate) ready: String,
}

impl System {
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut process = command.spawn().expect("the server");
        let mut lines = BufReader::new(process.stdout.take().expect("its stdout")).lines();
        let line = within("the ready line", lines.next_line()).await.expect("a line");
        let Some(ready) = line else {
            let mut errors = String::new();
            let mut stderr = process.stderr.take().expect("its stderr");
            stderr.read_to_string(&mut errors).await.expect("its errors");
            panic!("the server did not start: {errors}");
        };
        let port = ready.split("http://localhost:").nth(1).and_then(|rest| rest.split(' ').next());
        let port = port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no port in {ready:?}"));
        // It may go on writing; nobody needs to see it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, port, ready }
    }

    /// A new HTTP connection.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.port).await
    }

    /// Bytes of memory that it takes now.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kib: u64 = line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number");
        kib * 1024
    }

    /// How many connections it has, to clients and to a database.
    pub(crate) fn connections(&self) -> usize {
        let files = fs::read_dir(self.proc("fd")).expect("its files").flatten();
        let is_socket = |file: &fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
        };
        files.filter(is_socket).count()
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.process.id().expect("it runs"))
    }

    /// SIGKILL; returns when the process is gone.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.expect("killed");
    }

    /// Sends a signal by name and answers the exit status and what stood on stderr.
    pub(crate) async fn signal(self, signal: &str) -> (Option<i32>, String) {
        let pid = self.process.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().await.expect("kill");
        assert!(sent.success());
        let output = within("the end", self.process.wait_with_output()).await.expect("its end");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
