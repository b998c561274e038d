//! A TCP proxy in front of the database that injects faults, by chance or on command.
//!
//! The breaker knows the boundaries of MongoDB's messages, so its faults happen to whole messages: it delays them,
//! loses a request or its reply, or delivers a request again after later ones.

mod connection;
mod faults;
mod shared;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Random;
pub use faults::{FaultCounts, Faults};
use shared::{Shared, lock};

/// A proxy on the loopback interface. It ends, with its connections, when dropped.
pub struct Breaker {
    shared: Arc<Shared>,
    address: SocketAddr,
    connections: Connections,
    _server: JoinSet<()>,
}

type Connections = Arc<Mutex<JoinSet<()>>>;

impl Breaker {
    /// Starts a breaker on a free port. `upstream` is the host and port of the server, or empty if it is set later.
    /// `random` decides about faults.
    pub async fn start(upstream: impl Into<String>, random: Random) -> io::Result<Self> {
        Self::on(TcpListener::bind("127.0.0.1:0").await?, upstream, random)
    }

    /// Starts a breaker on a listener.
    pub fn on(listener: TcpListener, upstream: impl Into<String>, random: Random) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(upstream.into(), random));
        let connections = Connections::default();
        let mut server = JoinSet::new();
        server.spawn(accept(listener, shared.clone(), connections.clone()));
        Ok(Self { shared, address, connections, _server: server })
    }

    /// Returns the address of the breaker.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the host and port to which new connections go.
    pub fn set_upstream(&self, upstream: impl Into<String>) {
        *lock(&self.shared.upstream) = upstream.into();
    }

    /// Sets the faults of later commands.
    pub fn set_faults(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Closes all connections; new ones are accepted.
    pub fn cut(&self) {
        lock(&self.connections).abort_all();
    }

    /// Makes all present connections hang: they stay open and transmit nothing. New ones are accepted.
    pub fn hang(&self) {
        self.shared.hang.send_modify(|()| ());
    }

    /// Waits for `count` further commands, counted from this call.
    pub fn wait_for_commands(&self, count: u64) -> impl Future<Output = ()> {
        let mut commands = self.shared.commands.subscribe();
        let due = *commands.borrow() + count;
        // Fails when the breaker is dropped: then no command follows.
        async move { drop(commands.wait_for(|count| *count >= due).await) }
    }

    /// Sends all pending repeats and waits for their replies.
    pub async fn settle(&self) {
        self.shared.release.send_replace(true);
        let _ = self.shared.pending_repeats.subscribe().wait_for(|count| *count == 0).await;
        self.shared.release.send_replace(false);
    }

    /// Returns the number of faults that have happened.
    pub fn fault_counts(&self) -> FaultCounts {
        *lock(&self.shared.counts)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: Connections) {
    while let Ok((client, _)) = listener.accept().await {
        let connection = connection::serve(shared.clone(), client, shared.hang.subscribe());
        let mut connections = lock(&connections);
        while connections.try_join_next().is_some() {}
        // An error only ends the connection, which its ends see.
        connections.spawn(async move { drop(connection.await) });
    }
}
