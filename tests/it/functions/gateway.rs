//! An HTTP endpoint in the place of API Gateway's `@connections`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eventlog_chain::Event;
use eventlog_testing::Endpoint;
use http_body_util::Full;
use hyper::{Request, Response};
use tokio::sync::{Semaphore, watch};

use crate::client::events_in;

/// What each connection was sent.
type Seen = Arc<Mutex<HashMap<String, Vec<Event>>>>;

pub(super) struct Gateway {
    endpoint: Endpoint,
    seen: Seen,
    gone: Arc<Mutex<HashSet<String>>>,
    /// How many messages were taken.
    pub(super) taken: watch::Receiver<usize>,
    /// How many more it takes; others must wait.
    pub(super) takes: Arc<Semaphore>,
}

impl Gateway {
    pub(super) async fn start(takes: usize) -> Self {
        let seen = Seen::default();
        let takes = Arc::new(Semaphore::new(takes));
        let (take, taken) = watch::channel(0);
        let gone: Arc<Mutex<HashSet<String>>> = Arc::default();
        let desk = Arc::new(Desk { seen: seen.clone(), gone: gone.clone(), takes: takes.clone(), take });
        let endpoint = Endpoint::start(move |request| post(request, desk.clone())).await;
        Self { endpoint, seen, gone, taken, takes }
    }

    /// What `WEBSOCKET_ENDPOINT` should be.
    pub(super) fn url(&self) -> String {
        format!("{}/prod", self.endpoint.url())
    }

    /// From now on the connection does not exist.
    pub(super) fn close(&self, connection: &str) {
        self.gone.lock().expect("no panic").insert(connection.to_owned());
    }

    /// What a connection was sent, each event where it came first. Panics unless they came in the order of the
    /// log, or of what it wants of it, from the first that came on without a hole.
    pub(super) fn received(&self, connection: &str, log: &[Event]) -> Vec<Event> {
        let seen = self.seen.lock().expect("no panic");
        let mut received: Vec<Event> = Vec::new();
        for event in seen.get(connection).into_iter().flatten() {
            if !received.contains(event) {
                received.push(event.clone());
            }
        }
        if let Some(first) = received.first() {
            let from = log.iter().position(|event| event == first).expect("an event of the log");
            assert_eq!(received, log[from..from + received.len()]);
        }
        received
    }
}

struct Desk {
    seen: Seen,
    gone: Arc<Mutex<HashSet<String>>>,
    takes: Arc<Semaphore>,
    take: watch::Sender<usize>,
}

async fn post(request: Request<Bytes>, desk: Arc<Desk>) -> Response<Full<Bytes>> {
    let connection = request.uri().path().strip_prefix("/prod/@connections/").expect("the path").to_owned();
    if desk.gone.lock().expect("no panic").contains(&connection) {
        let gone = Response::builder().status(410).header("x-amzn-errortype", "GoneException");
        return gone.body(Full::default()).expect("a response");
    }
    desk.takes.acquire().await.expect("it is not closed").forget();
    let body = str::from_utf8(request.body()).expect("text");
    let events = match body.strip_prefix('[') {
        Some(_) => events_in(body),
        None => vec![Event::from_json(body).expect("an event")],
    };
    desk.seen.lock().expect("no panic").entry(connection).or_default().extend(events);
    desk.take.send_modify(|taken| *taken += 1);
    Response::new(Full::default())
}
