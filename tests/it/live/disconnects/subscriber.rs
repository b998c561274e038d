//! A client that is cut off, and comes back where it was.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use eventlog_chain::Event;
use eventlog_testing::{Random, within};
use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::breaking::Breaking;
use super::pace::Pace;
use crate::live::wish::Wish;

/// A connection may break so long after its last message, where nothing comes.
const PATIENCE: Duration = Duration::from_millis(50);

pub(super) struct Subscriber {
    wish: Wish,
    pace: Arc<Pace>,
    random: Random,
    /// What it had seen before all this.
    first: Event,
    /// Each event where it came first.
    seen: Vec<Event>,
    known: HashSet<String>,
    last: watch::Sender<Option<Event>>,
    pub(super) repeats: u64,
    /// TCP connections, and those of them that became WebSockets.
    pub(super) connections: u64,
    pub(super) sockets: u64,
}

impl Subscriber {
    pub(super) fn new(wish: Wish, first: Event, pace: Arc<Pace>, random: Random) -> Self {
        let (seen, last) = (Vec::new(), watch::Sender::new(None));
        let known = HashSet::from([first.id.to_string()]);
        Self { wish, pace, random, first, seen, known, last, repeats: 0, connections: 0, sockets: 0 }
    }

    /// The event that it saw last for the first time.
    pub(super) fn last(&self) -> watch::Receiver<Option<Event>> {
        self.last.subscribe()
    }

    pub(super) fn seen(&self) -> usize {
        self.seen.len()
    }

    /// Connects again and again until it is stopped.
    pub(super) async fn follow(
        mut self,
        mut at: watch::Receiver<u16>,
        mut stopped: watch::Receiver<bool>,
    ) -> Self {
        let follow = async {
            loop {
                self.connect(&mut at).await;
            }
        };
        tokio::select! {
            () = follow => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        self
    }

    /// One connection, until it breaks.
    async fn connect(&mut self, at: &mut watch::Receiver<u16>) {
        let port = *at.borrow_and_update();
        let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else {
            // It was killed; the next one is somewhere else.
            within("another server", at.changed()).await.expect("never closed");
            return;
        };
        self.connections += 1;
        let path = self.wish.path(Some(self.seen.last().unwrap_or(&self.first)));
        let request = format!("ws://localhost:{port}{path}").into_client_request().expect("a request");
        let stream = Breaking::new(stream, self.pace.clone(), self.random.another());
        let mut socket = match within("a handshake", client_async(request, stream)).await {
            Ok((socket, _)) => socket,
            Err(Error::Http(answer)) => panic!("refused: {answer:?}"),
            Err(_) => return,
        };
        self.sockets += 1;
        loop {
            let idle = sleep(self.random.time(PATIENCE));
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.see(&text),
                    Some(Ok(other)) => panic!("not a text: {other:?}"),
                    Some(Err(_)) | None => return,
                },
                () = idle => if self.pace.cut() {
                    return;
                },
            }
        }
    }

    fn see(&mut self, message: &str) {
        for event in self.wish.events(message) {
            if self.known.insert(event.id.to_string()) {
                self.seen.push(event);
            } else {
                self.repeats += 1;
            }
        }
        self.last.send_replace(self.seen.last().cloned());
    }

    /// Panics unless it has seen this, in this order.
    pub(super) fn check(&self, wanted: &[Event]) {
        let places = wanted.iter().zip(&self.seen);
        let wrong = places.enumerate().find(|(_, (wanted, seen))| wanted != seen);
        assert!(wrong.is_none(), "{:?} saw, at {wrong:#?}", self.wish);
        assert_eq!(self.seen.len(), wanted.len(), "{:?}", self.wish);
    }
}
