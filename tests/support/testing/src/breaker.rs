//! A way to the database that breaks when it is told to, or by chance.
//!
//! It knows where MongoDB's messages begin and end, and so can do what a network does to whole ones: keep them
//! for a while, lose a request or the reply to one, deliver a request once more when everybody has gone on.

mod connection;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Random;

/// What happens to commands on their way. Chances are in 1,000; the default is that nothing happens. What drivers
/// send of themselves, `hello` say, takes its time too but is never lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The time on the way, to and fro together.
    pub latency: Duration,
    /// Up to so much more, by chance.
    pub jitter: Duration,
    /// The connection is closed and the command has not reached the server.
    pub cut_before: u64,
    /// The connection is closed when the server has answered: it is done, and the client does not know.
    pub cut_after: u64,
    /// The command reaches the server; then nothing passes any more, and the connection stays open.
    pub forget: u64,
    /// A write command reaches the server once more, byte by byte the same, on a connection of the breaker's own.
    pub repeat: u64,
    /// That happens after up to so many other commands.
    pub late: u64,
}

/// What has happened so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Broken {
    /// Connections closed before a command reached the server.
    pub cut_before: u64,
    /// Connections closed after the server had answered.
    pub cut_after: u64,
    /// Connections on which nothing passes any more after a command.
    pub forgotten: u64,
    /// Commands that the server got, and answered, once more.
    pub repeated: u64,
}

/// Listens on the loopback interface and forwards to a server. Ends, with its connections, when dropped.
pub struct Breaker {
    shared: Arc<Shared>,
    address: SocketAddr,
    connections: Connections,
    _server: JoinSet<()>,
}

type Connections = Arc<Mutex<JoinSet<()>>>;

struct Shared {
    upstream: Mutex<String>,
    faults: Mutex<Faults>,
    random: Mutex<Random>,
    counts: Mutex<Broken>,
    /// How many commands came: the clock of everything here.
    commands: watch::Sender<u64>,
    /// Messages that are still to be repeated.
    outstanding: watch::Sender<u64>,
    /// They are to be repeated now.
    release: watch::Sender<bool>,
    forget: watch::Sender<()>,
}

/// What happens to one command.
#[derive(Clone, Copy)]
enum Fault {
    CutBefore,
    CutAfter,
    Forget,
    Repeat,
}

/// Nothing behind these locks is ever left half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Breaker {
    /// On a free port, in front of the server with this host and port, or of nobody yet (`""`). `random` decides
    /// what happens by chance.
    pub async fn start(upstream: impl Into<String>, random: Random) -> io::Result<Self> {
        Self::on(TcpListener::bind("127.0.0.1:0").await?, upstream, random)
    }

    /// On a port that was taken before.
    pub fn on(listener: TcpListener, upstream: impl Into<String>, random: Random) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream.into()),
            faults: Mutex::default(),
            random: Mutex::new(random),
            counts: Mutex::default(),
            commands: watch::Sender::default(),
            outstanding: watch::Sender::default(),
            release: watch::Sender::default(),
            forget: watch::Sender::default(),
        });
        let connections = Connections::default();
        let mut server = JoinSet::new();
        server.spawn(accept(listener, shared.clone(), connections.clone()));
        Ok(Self { shared, address, connections, _server: server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go to this host and port.
    pub fn lead_to(&self, upstream: impl Into<String>) {
        *lock(&self.shared.upstream) = upstream.into();
    }

    /// From now on this happens.
    pub fn set(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Closes all connections; new ones are taken.
    pub fn cut(&self) {
        lock(&self.connections).abort_all();
    }

    /// Lets nothing through any more on the connections there are, and tells nobody; new ones are taken.
    pub fn forget(&self) {
        self.shared.forget.send_modify(|()| ());
    }

    /// Ends when so many more commands have come, from now on.
    pub fn commands(&self, count: u64) -> impl Future<Output = ()> {
        let mut commands = self.shared.commands.subscribe();
        let due = *commands.borrow() + count;
        // If the breaker is dropped, no more will come.
        async move { drop(commands.wait_for(|seen| *seen >= due).await) }
    }

    /// Repeats now what is still to be repeated; returns when that is done.
    pub async fn settle(&self) {
        self.shared.release.send_replace(true);
        let _ = self.shared.outstanding.subscribe().wait_for(|count| *count == 0).await;
        self.shared.release.send_replace(false);
    }

    /// What has happened so far.
    pub fn broken(&self) -> Broken {
        *lock(&self.shared.counts)
    }
}

impl Shared {
    /// Takes note of a command, and decides what happens to it.
    fn note(&self, command: &str) -> Option<Fault> {
        let Faults { cut_before, cut_after, forget, repeat, .. } = *lock(&self.faults);
        self.commands.send_modify(|seen| *seen += 1);
        let is_write = ["insert", "update", "delete", "findAndModify"].contains(&command);
        let repeat = if is_write { repeat } else { 0 };
        let chances = [
            (Fault::CutBefore, cut_before),
            (Fault::CutAfter, cut_after),
            (Fault::Forget, forget),
            (Fault::Repeat, repeat),
        ];
        let drawn = lock(&self.random).below(1000);
        let mut below = 0;
        chances.into_iter().find_map(|(fault, chance)| {
            below += chance;
            (drawn < below).then_some(fault)
        })
    }

    /// Takes the time of the way.
    async fn one_way(&self) {
        let Faults { latency, jitter, .. } = *lock(&self.faults);
        let time = latency / 2 + lock(&self.random).time(jitter / 2);
        // Even the shortest sleep takes a millisecond.
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }

    fn repeat_after(&self) -> u64 {
        let late = lock(&self.faults).late;
        *self.commands.borrow() + 1 + lock(&self.random).below(late)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: Connections) {
    while let Ok((client, _)) = listener.accept().await {
        let connection = connection::serve(shared.clone(), client, shared.forget.subscribe());
        let mut connections = lock(&connections);
        while connections.try_join_next().is_some() {}
        // However it ends, it ends.
        connections.spawn(async move { drop(connection.await) });
    }
}
