//! Following a log whose server misbehaves.

mod answers;
mod chains;
mod connections;
mod storms;
mod stub;
mod tls;

use eventlog_chain::Event;
use eventlog_testing::within;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::End;
use super::address::{Address, Filter};
use super::follow::{Begin, Following};
use super::server::{Connector, Server, connector};
use super::timing::Timing;
use stub::Stub;

/// Who follows, as it can be set.
struct Options {
    begin: Begin,
    event_type: Option<&'static str>,
    timing: &'static str,
    token: Option<&'static str>,
    connector: Connector,
    /// So many events may wait.
    room: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            begin: Begin::Now,
            event_type: None,
            timing: "backoffFrom=0,empty=0",
            token: None,
            connector: connector(),
            room: 1000,
        }
    }
}

/// One who follows a stub.
struct Tail {
    events: mpsc::Receiver<Event>,
    following: JoinSet<End>,
    /// Why there were pauses.
    reasons: watch::Receiver<Vec<String>>,
}

impl Tail {
    fn of(stub: &Stub, options: Options) -> Self {
        let timing: Timing = options.timing.parse().expect("times");
        let address =
            Address::new(&format!("{}://localhost:{}", stub.scheme, stub.port), None).expect("an address");
        let token = options.token.map(|token| format!("Bearer {token}").parse().expect("a value"));
        let following = Following {
            server: Server::new(options.connector, address, token, timing.open),
            begin: options.begin,
            filter: Filter { event_type: options.event_type.map(str::to_owned), source_app_id: None },
            timing,
        };
        let (sender, events) = mpsc::channel(options.room);
        let (told, reasons) = watch::channel(Vec::new());
        let tell = move |reason: &str, _| told.send_modify(|reasons| reasons.push(reason.to_owned()));
        let following = JoinSet::from_iter([following.follow(sender, tell)]);
        Self { events, following, reasons }
    }

    /// The next events.
    async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let event = within("an event", self.events.recv()).await;
            taken.push(event.expect("it follows"));
        }
        taken
    }

    /// How it ends by itself, and with which events before.
    async fn end(mut self) -> (Vec<Event>, End) {
        let mut taken = Vec::new();
        while let Some(event) = within("an event", self.events.recv()).await {
            taken.push(event);
        }
        (taken, within("the end", self.following.join_next()).await.expect("one").expect("an end"))
    }

    fn reasons(&self) -> Vec<String> {
        self.reasons.borrow().clone()
    }
}
