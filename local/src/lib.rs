//! The whole system on one machine: the functions behind one port, as API Gateway would have them.
//!
//! HTTP and WebSocket traffic is turned into API Gateway's JSON and back, so the functions cannot tell. The
//! broadcaster runs as in the deployed polling mode, without a deadline.

mod accept;
mod body;
mod budget;
mod client_stream;
mod cors;
mod descriptors;
mod doorbell;
mod envelope;
mod functions;
mod gateway;
mod guard;
mod http;
mod listen;
mod reply;
mod sockets;
mod websocket;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use eventlog_ledger::broadcast::{Broadcaster, Until};
use eventlog_ledger::{ConnectionStore, EventStore, sweep_old};
use eventlog_store_mongodb as mongodb;
use eventlog_store_sqlite as sqlite;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use budget::Budget;
use doorbell::{Both, Doorbell};
use functions::Functions;
use gateway::Gateway;
use guard::Guard;
use sockets::Sockets;
use websocket::WebSockets;

pub use listen::{Listeners, listen};

/// Where the log is kept.
pub enum Store {
    /// In a SQLite file in this folder.
    Folder(PathBuf, sqlite::Durability),
    /// In MongoDB, at this connection string.
    MongoDb(String),
}

/// Runs the system behind `listeners` until `stop`. Calls `ready` once requests are answered, with the host and port of
/// its URLs, and where the log is kept.
pub async fn serve(
    listeners: Listeners,
    store: Store,
    ready: impl FnOnce(&str, &str),
    stop: CancellationToken,
) -> Result<()> {
    descriptors::raise_limit();
    let authority = listeners.authority();
    match store {
        Store::Folder(folder, durability) => {
            let log = sqlite::Events::open(&folder, durability)?;
            let ready = || ready(&authority, &folder.display().to_string());
            let served = serve_on(listeners, log.clone(), sqlite::Connections::open()?, ready, stop).await;
            served.and(log.close().await.context("failed to close the log"))
        }
        Store::MongoDb(uri) => {
            let database = mongodb::Database::open(&uri).await?;
            // Sockets of other processes, on this database or not, are none of ours.
            let gateway = format!("local {}", eventlog_ledger::new_id());
            let connections = mongodb::Connections::new(&database, &gateway);
            let log = mongodb::Events::new(&database);
            let ready = || ready(&authority, &database.to_string());
            let served = serve_on(listeners, log, connections, ready, stop).await;
            database.close().await;
            served
        }
    }
}

async fn serve_on<L: EventStore, C: ConnectionStore>(
    listeners: Listeners,
    log: L,
    connections: C,
    ready: impl FnOnce(),
    stop: CancellationToken,
) -> Result<()> {
    tokio::select! {
        head = log.head() => head.context("cannot read the log")?,
        () = stop.cancelled() => return Ok(()),
    };
    // Of local gateways that were killed, where no deployment does it.
    if let Err(error) = sweep_old(&connections).await {
        tracing::warn!("old connections were not swept: {error}");
    }
    let sockets = Sockets::default();
    let doorbell = Doorbell::default();
    let functions =
        Functions { log: log.clone(), connections: connections.clone(), doorbell: doorbell.clone() };
    let tasks = TaskTracker::new();
    let websockets = WebSockets {
        functions: functions.clone(),
        sockets: sockets.clone(),
        stop: stop.clone(),
        tasks: tasks.clone(),
    };
    let (guard, budget) = (Guard::new(listeners.host()), Budget::default());
    let gateway = Gateway { guard, functions, websockets, budget, stop: stop.clone(), tasks };
    ready();
    // As a task of its own it wakes those of the sockets on the same threads.
    let broadcast = tokio::spawn(broadcast(log, connections, sockets, doorbell, stop));
    let ((), broadcast) = tokio::join!(gateway.run(listeners.into_sockets()), broadcast);
    Ok(broadcast?)
}

/// Starts over after an error: what it was may pass.
async fn broadcast<L: EventStore, C: ConnectionStore>(
    log: L,
    connections: C,
    sockets: Sockets,
    doorbell: Doorbell,
    stop: CancellationToken,
) {
    const PAUSE: Duration = Duration::from_secs(1);
    let mut broadcaster = Broadcaster::new(log.clone(), connections, sockets);
    while !stop.is_cancelled() {
        let served = async {
            let alarm = Both { log: log.alarm().await?, doorbell: doorbell.clone() };
            broadcaster.run(alarm, Until::Stopped, stop.cancelled()).await.map(drop)
        };
        if let Err(error) = served.await {
            tracing::error!("broadcasting stopped, starting over: {error}");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
