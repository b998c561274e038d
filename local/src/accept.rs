//! New connections.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::client_stream::ClientStream;

/// The system holds so much for a client that does not read; and one that reads slowly is seen to, more often than when
/// there are megabytes on the way.
const SEND_BUFFER: usize = 256 << 10;
/// How long to wait after a failure: until then connections may have been closed.
const PAUSE: Duration = Duration::from_millis(50);
/// Failures with less time between them are one episode, which is logged once.
const EPISODE: Duration = Duration::from_secs(60);

/// Takes connections from one listener.
pub(crate) struct Acceptor {
    listener: TcpListener,
    /// Connections that may still be opened, by all acceptors together.
    free: Arc<Semaphore>,
    failures: Episode,
    waits: Episode,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, free: Arc<Semaphore>) -> Self {
        Self { listener, free, failures: Episode::default(), waits: Episode::default() }
    }

    /// Returns the next connection. While as many as allowed are open, further ones wait in the system's queue.
    pub(crate) async fn next(&mut self) -> (ClientStream<TcpStream>, IpAddr) {
        if self.free.available_permits() == 0 && self.waits.begins() {
            tracing::warn!("all connections that may be open are open; further ones wait until others end");
        }
        loop {
            let Ok(place) = self.free.clone().acquire_owned().await else { std::future::pending().await };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Small answers must not wait for each other; a failure only makes it slower.
                    let _ = stream.set_nodelay(true);
                    let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER);
                    return (ClientStream::new(stream, place), peer.ip());
                }
                Err(error) => {
                    if self.failures.begins() {
                        tracing::warn!(%error, "failed to accept a connection; it is tried again until it succeeds");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// What happens again and again, and is told of once.
#[derive(Default)]
struct Episode(Option<Instant>);

impl Episode {
    /// Notes that it happens now. Returns whether it had not happened for a while.
    fn begins(&mut self) -> bool {
        let now = Instant::now();
        self.0.replace(now).is_none_or(|last| now - last > EPISODE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_episode_begins_once_and_ends_with_a_quiet_minute() {
        let mut episode = Episode::default();
        assert!(episode.begins());
        for _ in 0..100 {
            tokio::time::advance(Duration::from_secs(59)).await;
            assert!(!episode.begins());
        }
        tokio::time::advance(EPISODE + Duration::from_millis(1)).await;
        assert!(episode.begins());
    }
}
