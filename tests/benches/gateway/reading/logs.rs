//! A long log and a short one, on one kind of store.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use eventlog_tests::process::Server;
use eventlog_tests::systems::announced_port;
use tokio::process::Command;

/// What names each log on the command line.
pub(crate) struct Logs {
    arguments: [[String; 2]; 2],
    mongodb: Option<mongodb::Client>,
}

/// No other log on that server is ours.
fn databases() -> [String; 2] {
    ["long", "short"].map(|name| format!("eventlog_bench_{}_{name}", std::process::id()))
}

impl Logs {
    /// Makes the logs of these exports, of so many events.
    pub(crate) async fn import(binary: &Path, dir: &Path, exports: [&(u32, PathBuf); 2]) -> Result<Self> {
        let logs = Self::new(dir).await?;
        for (arguments, (events, export)) in logs.arguments.iter().zip(exports) {
            let since = std::time::Instant::now();
            let mut command = Command::new(binary);
            command.arg("import").arg(export).args(arguments).kill_on_drop(true);
            let output = command.output().await?;
            ensure!(output.status.success(), "import: {}", String::from_utf8_lossy(&output.stderr));
            println!(
                "import {events} events: {:.0} events/s",
                f64::from(*events) / since.elapsed().as_secs_f64()
            );
        }
        Ok(logs)
    }

    async fn new(dir: &Path) -> Result<Self> {
        let Ok(uri) = std::env::var("MONGODB_URI") else {
            let folder = |name| ["--data".into(), dir.join(name).display().to_string()];
            return Ok(Self { arguments: ["long", "short"].map(folder), mongodb: None });
        };
        let (address, options) = uri.split_once('?').unwrap_or((&uri, ""));
        let (scheme, hosts) = address.split_once("://").context("MONGODB_URI is no connection string")?;
        let hosts = hosts.split('/').next().unwrap_or_default();
        let named = |name| ["--mongodb-uri".into(), format!("{scheme}://{hosts}/{name}?{options}")];
        let client = mongodb::Client::with_uri_str(&uri).await.ok().context("MONGODB_URI cannot be used")?;
        Ok(Self { arguments: databases().map(named), mongodb: Some(client) })
    }

    /// Starts a server on each.
    pub(crate) async fn serve(&self, binary: &Path, dir: &Path) -> Result<[Server; 2]> {
        let start = async |nth: usize| {
            let mut command = Command::new(binary);
            command.args(["dev", "--port", "0"]).args(&self.arguments[nth]);
            Server::start(command, dir.join(format!("output{nth}.txt")), announced_port).await
        };
        Ok([start(0).await?, start(1).await?])
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.mongodb.is_some() { "MongoDB" } else { "SQLite" }
    }

    /// Files go with their folder.
    pub(crate) async fn remove(&self) -> Result<()> {
        for (client, name) in self.mongodb.iter().flat_map(|client| databases().map(|name| (client, name))) {
            client.database(&name).drop().await?;
        }
        Ok(())
    }
}
