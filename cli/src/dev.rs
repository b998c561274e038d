//! `eventlog dev`.

use std::io::Write;

use anyhow::{Result, bail};
use eventlog_local::{Store, listen, serve};
use eventlog_store_sqlite::Durability;

use crate::Answer;
use crate::signals::{stop_on_signal, survive_file_size_limit};
use crate::store::{Place, StoreArgs};

/// Runs the whole system on this machine: no cloud, no docker, no database to install.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Port for HTTP and WebSocket; 0 takes any free one.
    #[arg(long, default_value_t = 3000)]
    port: u16,

    #[command(flatten)]
    store: StoreArgs,

    /// Flush every commit to the disk: what was acknowledged survives loss of power too.
    #[arg(long, conflicts_with = "mongodb_uri")]
    durable: bool,

    /// Address or name to listen on [default: both loopback addresses]. Anything but a loopback address lets other
    /// machines read and write the log.
    #[arg(long, value_name = "ADDR")]
    host: Option<String>,
}

pub(crate) fn run(args: Args) -> Result<Answer> {
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(dev(args)).map(|()| Answer::Yes)
}

async fn dev(args: Args) -> Result<()> {
    survive_file_size_limit()?;
    let Args { port, host, durable, store } = args;
    let store = match store.place() {
        Place::MongoDb(_) if durable => {
            bail!(
                "--durable is for the embedded database, and MONGODB_URI asks for MongoDB; --data DIR goes before it"
            )
        }
        Place::MongoDb(uri) => Store::MongoDb(uri),
        Place::Folder(folder) => {
            Store::Folder(folder, if durable { Durability::Power } else { Durability::Process })
        }
    };
    let listeners = listen(host.as_deref(), port).await?;
    serve(listeners, store, announce, stop_on_signal()?).await
}

/// The first line is for programs too: both URLs stand in it.
fn announce(at: &str, kept_in: &str) {
    let body =
        r#"{"eventType":"Login","sourceAppId":"App1","dataPayload":{"userId":"12345","action":"loggedIn"}}"#;
    // Whoever started us may have closed our stdout, and wants us all the same.
    let _ = writeln!(
        std::io::stdout(),
        "Event Logger is ready: http://{at} ws://{at}\n\
         \n  log an event:  curl -X POST http://{at}/events -H 'Content-Type: application/json' -d '{body}'\
         \n  read the log:  curl 'http://{at}/events?page=1&limit=10'\
         \n  watch it live: cargo eventlog tail ws://{at}\
         \n  it is kept in: {kept_in}\n"
    );
}

/// Warnings and errors, or what `RUST_LOG` asks for.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::Level::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
