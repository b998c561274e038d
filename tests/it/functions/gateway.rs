//! An HTTP endpoint in the place of API Gateway's `@connections`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eventlog_chain::Event;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// What each connection was sent.
type Seen = Arc<Mutex<HashMap<String, Vec<Event>>>>;

pub(super) struct Gateway {
    pub(super) endpoint: String,
    seen: Seen,
    /// How many messages were taken.
    pub(super) taken: watch::Receiver<usize>,
    /// How many more it takes; others must wait.
    pub(super) takes: Arc<Semaphore>,
    _server: JoinSet<()>,
}

impl Gateway {
    pub(super) async fn start(takes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}/prod", listener.local_addr().expect("its address"));
        let seen = Seen::default();
        let takes = Arc::new(Semaphore::new(takes));
        let (take, taken) = watch::channel(0);
        let mut server = JoinSet::new();
        let service = Arc::new(Desk { seen: seen.clone(), takes: takes.clone(), take });
        server.spawn(serve(listener, service));
        Self { endpoint, seen, taken, takes, _server: server }
    }

    /// What a connection was sent, each event where it came first. Panics unless they came in the order of the
    /// log, from the first that came on without a hole.
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
    takes: Arc<Semaphore>,
    take: watch::Sender<usize>,
}

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let desk = desk.clone();
        let service = service_fn(move |request| post(request, desk.clone()));
        connections.spawn(async move {
            // It fails when the function is killed.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn post(request: Request<Incoming>, desk: Arc<Desk>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let connection = parts.uri.path().strip_prefix("/prod/@connections/").expect("the path").to_owned();
    if let Ok(body) = body.collect().await {
        desk.takes.acquire().await.expect("it is not closed").forget();
        let body = String::from_utf8(body.to_bytes().to_vec()).expect("text");
        let event = Event::from_json(&body).expect("an event");
        desk.seen.lock().expect("no panic").entry(connection).or_default().push(event);
        desk.take.send_modify(|taken| *taken += 1);
    }
    Ok(Response::new(Full::default()))
}
