//! A way to a server that breaks off.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventlog_testing::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Forwards to a port; each connection ends, in the middle of a message if it so happens, once so many bytes have come
/// back on it. Ends, with its connections, when dropped.
pub(super) struct Proxy {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
    _server: JoinSet<()>,
}

struct State {
    upstream: u16,
    random: Random,
    cuts: usize,
}

/// Nothing behind this lock is ever left half-done.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    pub(super) async fn start(upstream: u16, random: Random) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State { upstream, random, cuts: 0 }));
        let mut server = JoinSet::new();
        let shared = state.clone();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, shared.clone()));
            }
        });
        Self { port, state, _server: server }
    }

    /// New connections go to this port.
    pub(super) fn lead_to(&self, upstream: u16) {
        lock(&self.state).upstream = upstream;
    }

    /// How many connections it has broken off.
    pub(super) fn cuts(&self) -> usize {
        lock(&self.state).cuts
    }
}

async fn forward(mut client: TcpStream, state: Arc<Mutex<State>>) {
    let (upstream, bytes) = {
        let state = &mut *lock(&state);
        // Few events, or not even a handshake; but now and then the longest message gets through.
        let most = state.random.pick(&[8 << 10, 8 << 10, 8 << 10, 256 << 10]);
        (state.upstream, state.random.below(most))
    };
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", upstream)).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    let mut from_server = from_server.take(bytes);
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = copy(&mut from_server, &mut to_client) => {
            let _ = to_client.flush().await;
            if from_server.limit() == 0 {
                lock(&state).cuts += 1;
            }
        }
    }
}
