//! The broadcast that ours is compared with, on Node.js.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use eventlog_tests::process::Server;
use eventlog_tests::systems::{announced_port, has_node};
use serde_json::Value;
use tokio::process::Command;

/// What the figures are given for.
const VERSION: &str = "8.23.0";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/live/broadcast.js");

/// A folder with `ws` in its `node_modules`.
pub(crate) struct Node(PathBuf);

impl Node {
    /// The folder that `EVENTLOG_WS` names, or why there is none.
    pub(crate) async fn find() -> Result<Self> {
        let Some(folder) = std::env::var_os("EVENTLOG_WS") else { bail!("EVENTLOG_WS is not set") };
        ensure!(has_node().await, "node is not on PATH");
        let folder = std::path::absolute(folder)?;
        let package = folder.join("node_modules/ws/package.json");
        let package = std::fs::read(&package).with_context(|| package.display().to_string())?;
        let version = serde_json::from_slice::<Value>(&package)?["version"].take();
        ensure!(version == VERSION, "EVENTLOG_WS has ws {version}; what it needs is ws@{VERSION}");
        Ok(Self(folder))
    }

    pub(crate) async fn start(&self, dir: &Path) -> Result<Server> {
        let mut command = Command::new("node");
        command.arg(SCRIPT).env("NODE_ENV", "production").env("EVENTLOG_WS", &self.0);
        Server::start(command, dir.join("output.txt"), announced_port).await
    }
}
