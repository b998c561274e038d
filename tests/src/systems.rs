//! What is measured, and what is there to run others with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::process::Server;

/// The release binary: `EVENTLOG_BIN`, else `eventlog` beside the folder this benchmark stands in.
pub fn eventlog_binary() -> Result<PathBuf> {
    let named = std::env::var_os("EVENTLOG_BIN").map(PathBuf::from);
    let built = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("eventlog"));
    let binary = named.or_else(built).context("where this benchmark stands is unknown: set EVENTLOG_BIN")?;
    ensure!(
        binary.is_file(),
        "{} is missing: run `cargo build --release -p eventlog-cli` first, or set EVENTLOG_BIN",
        binary.display()
    );
    Ok(binary)
}

/// `eventlog dev` on an empty log in `dir`.
pub async fn start_eventlog(binary: &Path, dir: &Path) -> Result<Server> {
    let mut command = Command::new(binary);
    command.args(["dev", "--port", "0", "--data"]).arg(dir.join("data"));
    Server::start(command, dir.join("output.txt"), announced_port).await
}

/// The port in `http://localhost:PORT`, once the line that holds it has been written as a whole.
pub fn announced_port(output: &str) -> Option<u16> {
    let (_, rest) = output.split_once("http://localhost:")?;
    let (port, _) = rest.split_once(|c: char| !c.is_ascii_digit())?;
    port.parse().ok()
}

/// Whether there is a `node` to run the peer with.
pub async fn has_node() -> bool {
    Command::new("node").arg("--version").output().await.is_ok_and(|output| output.status.success())
}
