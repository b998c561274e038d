//! A log and its server, which tests can make misbehave.

mod log;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use eventlog_chain::{Event, EventId};
use eventlog_testing::within;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use log::{next, read, response};

/// What the server does before it sends the next events.
pub(super) enum Act {
    Deliver,
    /// Breaks off.
    Cut,
    /// Goes on with this event.
    GoTo(usize),
    /// Says this first.
    Say(&'static str),
}

/// Asked before each message: the how manyth connection, the next event, and the first one of this connection.
type Mischief = Box<dyn FnMut(usize, usize, usize) -> Act + Send>;

#[derive(Default)]
pub(super) struct State {
    pub(super) log: Vec<Event>,
    /// Of each HTTP request and handshake: path, query and `Authorization`.
    pub(super) requests: Vec<(String, Option<String>)>,
    /// How many WebSockets were opened, and how many are open.
    pub(super) opened: usize,
    pub(super) open: usize,
    /// What clients have said, and on which connection.
    pub(super) heard: Vec<(usize, String)>,
    /// Handshakes get this status and body.
    pub(super) refuse: Option<(u16, &'static str)>,
    /// HTTP requests do.
    pub(super) refuse_http: Option<(u16, &'static str)>,
    /// It does not show what it has, until it was asked for it so many times; handshakes are refused so long.
    pub(super) electing: usize,
    /// Handshakes get no answer.
    pub(super) is_silent: bool,
    /// This connection answers nothing and sends nothing.
    pub(super) dead: Option<usize>,
    /// This connection breaks off.
    pub(super) severed: Option<usize>,
    pub(super) mischief: Option<Mischief>,
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<State>, watch::Sender<()>)>);

/// Ends when dropped.
pub(super) struct Stub {
    pub(super) scheme: &'static str,
    pub(super) port: u16,
    shared: Shared,
    _server: JoinSet<()>,
}

impl Stub {
    pub(super) async fn start() -> Self {
        Self::listen(None).await
    }

    /// Over TLS.
    pub(super) async fn start_with(tls: TlsAcceptor) -> Self {
        Self::listen(Some(tls)).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Shared(Arc::new((Mutex::default(), watch::Sender::default())));
        let mut server = JoinSet::new();
        let of = shared.clone();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (of, tls) = (of.clone(), tls.clone());
                connections.spawn(async move {
                    let Some(tls) = tls else { return of.converse(stream).await };
                    // A client that does not trust us is what some tests want.
                    if let Ok(stream) = tls.accept(stream).await {
                        of.converse(stream).await;
                    }
                });
            }
        });
        Self { scheme, port, shared, _server: server }
    }

    /// Looks at what was, or changes what will be.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        self.shared.change(look)
    }

    /// Returns once it is so.
    pub(super) async fn until(&self, is_so: impl Fn(&State) -> bool) {
        let mut changes = self.shared.0.1.subscribe();
        while !is_so(&self.shared.lock()) {
            within("a change", changes.changed()).await.expect("a change");
        }
    }

    /// Appends these many events, and answers them.
    pub(super) fn append(&self, count: usize) -> Vec<Event> {
        self.append_of("Tick", count)
    }

    pub(super) fn append_of(&self, event_type: &str, count: usize) -> Vec<Event> {
        self.with(|state| {
            for _ in 0..count {
                let event = next(&state.log, event_type);
                state.log.push(event);
            }
            state.log[state.log.len() - count..].to_vec()
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().expect("no test has panicked here")
    }

    fn change<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let seen = look(&mut self.lock());
        self.0.1.send_replace(());
        seen
    }

    async fn converse(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(move |request| {
            let of = self.clone();
            async move { Ok::<_, Infallible>(of.answer(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // It fails when the client goes away.
        let _ = connection.with_upgrades().await;
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        let target = request.uri().to_string();
        let token = request.headers().get(AUTHORIZATION).map(|it| it.to_str().expect("a text").to_owned());
        // Whoever sees the request sees the log as it was answered from.
        let read = self.change(|state| {
            state.requests.push((target.clone(), token));
            read(state, &target)
        });
        let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY).cloned() else { return read };
        let (refuse, is_silent) = self.change(|state| {
            let unknown = (state.electing > 0).then_some((400, "{}"));
            (state.refuse.or(unknown), state.is_silent)
        });
        if is_silent {
            return std::future::pending().await;
        }
        if let Some((status, body)) = refuse {
            return response(status, body);
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let shared = self.clone();
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.expect("an upgrade"));
            shared.serve(WebSocketStream::from_raw_socket(io, Role::Server, None).await, &target).await;
        });
        let mut opening = response(101, "");
        for (name, value) in [(CONNECTION, "upgrade"), (UPGRADE, "websocket")] {
            opening.headers_mut().insert(name, value.parse().expect("a value"));
        }
        let accept = derive_accept_key(key.as_bytes()).parse().expect("a value");
        opening.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
        opening
    }

    async fn serve(&self, mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, target: &str) {
        let query = target.split_once('?').expect("a query").1;
        let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let parameter = |name| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let after = parameter("after").map(|id| id.parse::<EventId>().expect("an _id"));
        let (number, first) = self.change(|state| {
            state.opened += 1;
            state.open += 1;
            let place = |id| 1 + state.log.iter().position(|event| event.id == id).expect("an event");
            (state.opened, after.map_or(state.log.len(), place))
        });
        let mut at = first;
        let mut changes = self.0.1.subscribe();
        loop {
            changes.mark_unchanged();
            let act = self.next(number, first, at);
            let message = match act {
                Some(Act::Cut) => break,
                Some(Act::GoTo(next)) => {
                    at = next;
                    continue;
                }
                Some(Act::Say(text)) => text.to_owned(),
                Some(Act::Deliver) => {
                    // Whatever fits a message.
                    let log: Vec<_> = self.lock().log.iter().skip(at).take(7).cloned().collect();
                    at += log.len();
                    let is_wanted = |event: &&Event| {
                        parameter("eventType").is_none_or(|wanted| *wanted == event.event_type)
                    };
                    let events: Vec<_> = log.iter().filter(is_wanted).map(Event::to_json).collect();
                    assert!(parameter("batch").is_some_and(|batch| batch == "1"), "it takes batches");
                    format!("[{}]", events.join(","))
                }
                None => {
                    tokio::select! {
                        _ = changes.changed() => {}
                        message = socket.next() => match message {
                            Some(Ok(Message::Text(text))) => {
                                self.change(|state| state.heard.push((number, text.to_string())));
                                if self.lock().dead != Some(number) {
                                    drop(socket.send(Message::text(r#"{"action":"pong"}"#)).await);
                                }
                            }
                            Some(Ok(_)) => {}
                            Some(Err(_)) | None => break,
                        },
                    }
                    continue;
                }
            };
            if message != "[]" && socket.send(Message::text(message)).await.is_err() {
                break;
            }
        }
        self.change(|state| state.open -= 1);
    }

    /// What is to be done on a connection, if anything.
    fn next(&self, number: usize, first: usize, at: usize) -> Option<Act> {
        let state = &mut *self.lock();
        if state.severed == Some(number) {
            return Some(Act::Cut);
        }
        if at >= state.log.len() || state.dead == Some(number) {
            return None;
        }
        Some(state.mischief.as_mut().map_or(Act::Deliver, |mischief| mischief(number, at, first)))
    }
}
