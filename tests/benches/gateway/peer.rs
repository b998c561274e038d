//! The Express peer.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use eventlog_tests::process::Server;
use tokio::process::Command;

/// The Express peer, and the in-memory database it runs on.
pub(crate) struct Peer {
    pub(crate) server: Server,
    _database: Server,
}

impl Peer {
    /// Starts both. With no `node_modules` in `folder`, a copy in `dir` gets them: the folder stays as it is.
    pub(crate) async fn start(folder: &Path, dir: &Path) -> Result<Self> {
        for name in ["server.js", "free_mongo.js"] {
            ensure!(folder.join(name).is_file(), "EVENTLOG_PEER: no {name} in {}", folder.display());
        }
        let folder = if folder.join("node_modules").is_dir() {
            folder.to_owned()
        } else {
            install(folder, dir.join("peer")).await?
        };
        let port = free_port()?;
        let database = node(&folder, "free_mongo.js", port);
        let database = Server::start(database, dir.join("database.txt"), |_| listening(port)).await?;

        let uri = format!("mongodb://127.0.0.1:{port}/eventlogger?directConnection=true");
        let port = free_port()?;
        let mut server = node(&folder, "server.js", port);
        server.env("NODE_ENV", "production").env("MONGODB_URI", uri);
        let server = Server::start(server, dir.join("server.txt"), |_| listening(port)).await?;
        Ok(Self { server, _database: database })
    }
}

fn node(folder: &Path, script: &str, port: u16) -> Command {
    let mut command = Command::new("node");
    command.arg(script).current_dir(folder).env("PORT", port.to_string());
    command
}

async fn install(from: &Path, to: PathBuf) -> Result<PathBuf> {
    fs::create_dir(&to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::write(to.join(name), fs::read(&path)?)?;
        }
    }
    let npm =
        Command::new("npm").arg("ci").current_dir(&to).kill_on_drop(true).output().await.context("npm ci")?;
    ensure!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
    Ok(to)
}

/// A port that was free a moment ago: the peer cannot choose one itself and say which.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn listening(port: u16) -> Option<u16> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
}
