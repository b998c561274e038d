//! A way to the database that can be cut.

use std::sync::{Arc, Mutex};

use eventlog_testing::server;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(super) struct Proxy {
    connections: Arc<Mutex<JoinSet<()>>>,
    forget: watch::Sender<()>,
    _server: JoinSet<()>,
}

/// The database's host and port, and its connection string with the address of `listener` instead; `None` where
/// that does not make sense: a server that is looked up, or several.
pub(super) fn detour(listener: &TcpListener) -> Option<(String, String)> {
    let uri = server().expect("a server").uri();
    let rest = uri.strip_prefix("mongodb://")?;
    let host = rest.split(['/', '?']).next()?;
    let address = host.rsplit('@').next()?;
    if address.contains(',') || !uri.contains("directConnection=true") {
        return None;
    }
    let here = listener.local_addr().expect("its address").to_string();
    Some((address.to_owned(), uri.replacen(address, &here, 1)))
}

impl Proxy {
    pub(super) fn start(listener: TcpListener, upstream: String) -> Self {
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let mut server = JoinSet::new();
        let (forget, forgotten) = watch::channel(());
        server.spawn(forward(listener, upstream, connections.clone(), forgotten));
        Self { connections, forget, _server: server }
    }

    /// Closes all connections; new ones are taken.
    pub(super) fn cut(&self) {
        self.connections.lock().expect("no panic").abort_all();
    }

    /// Lets nothing through any more on the connections there are, and tells nobody; new ones are taken.
    pub(super) fn forget(&self) {
        self.forget.send_modify(|_| ());
    }
}

async fn forward(
    listener: TcpListener,
    upstream: String,
    connections: Arc<Mutex<JoinSet<()>>>,
    forgotten: watch::Receiver<()>,
) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (upstream, mut forgotten) = (upstream.clone(), forgotten.clone());
        forgotten.mark_unchanged();
        connections.lock().expect("no panic").spawn(async move {
            let Ok(mut server) = TcpStream::connect(upstream).await else { return };
            tokio::select! {
                // However it ends, it ends.
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = forgotten.changed() => std::future::pending().await,
            }
        });
    }
}
