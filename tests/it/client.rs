//! HTTP and WebSocket clients.

use bytes::Bytes;
use eventlog_chain::{Event, Verifier};
use eventlog_testing::within;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
    }
}

/// One HTTP connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    port: u16,
}

impl Client {
    pub(crate) async fn connect(port: u16) -> Self {
        Self::try_connect(port).await.expect("a connection")
    }

    /// `None` if nobody listens.
    pub(crate) async fn try_connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
        tokio::spawn(connection);
        Some(Self { sender, port })
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        within("a free connection", self.sender.ready()).await?;
        let response = within("an answer", self.sender.send_request(request)).await?;
        let (parts, body) = response.into_parts();
        let body = within("a body", body.collect()).await?.to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// A request with these headers beside `Host`.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Request<Full<Bytes>> {
        let mut request =
            Request::builder().method(method).uri(path).header("host", format!("localhost:{}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::from(body.to_vec())).expect("a request")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request("GET", path, &[], b"");
        self.send(request).await.expect("an answer")
    }

    /// POSTs to `/events` as JSON.
    pub(crate) async fn post(&mut self, body: impl AsRef<[u8]>) -> Answer {
        let request = self.request("POST", "/events", &[("content-type", "application/json")], body.as_ref());
        self.send(request).await.expect("an answer")
    }

    /// POSTs to `/events` with an `Idempotency-Key`; `None` if the server went away.
    pub(crate) async fn try_keyed(&mut self, key: &str, body: impl AsRef<[u8]>) -> Option<Answer> {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let request = self.request("POST", "/events", &headers, body.as_ref());
        self.send(request).await.ok()
    }

    pub(crate) async fn keyed(&mut self, key: &str, body: impl AsRef<[u8]>) -> Answer {
        self.try_keyed(key, body).await.expect("the server is there")
    }

    /// Logs an event and answers it as it was acknowledged; `None` if the server went away.
    pub(crate) async fn try_log(&mut self, event_type: &str, payload: &str) -> Option<Event> {
        let body = new_event(event_type, payload);
        let request =
            self.request("POST", "/events", &[("content-type", "application/json")], body.as_bytes());
        let answer = self.send(request).await.ok()?;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let event = answer.body.strip_prefix(r#"{"message":"Event logged successfully","event":"#);
        let event = event.and_then(|rest| rest.strip_suffix('}')).expect("the answer's form");
        Some(Event::from_json(event).expect("an event"))
    }

    pub(crate) async fn log(&mut self, event_type: &str, payload: &str) -> Event {
        self.try_log(event_type, payload).await.expect("the server is there")
    }

    /// Reads the whole log; panics unless it is one chain without a fault that ends where `/chain` says.
    pub(crate) async fn check_log(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut verifier = Verifier::from_start();
        for page in 1.. {
            let answer = self.get(&format!("/events?page={page}&limit=1000")).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let Value::Array(read) = answer.json() else { panic!("an array: {}", answer.body) };
            if read.is_empty() {
                break;
            }
            for event in events_in(&answer.body) {
                verifier.check(&event).expect("an unbroken chain");
                events.push(event);
            }
        }
        let chain = self.get("/chain").await.json();
        assert_eq!(chain["length"], events.len());
        let hash = events.last().map(|event| event.current_hash.to_string()).unwrap_or_default();
        assert_eq!(chain["headHash"], hash);
        events
    }
}

/// The events of a JSON array, each read from its own text.
pub(crate) fn events_in(body: &str) -> Vec<Event> {
    let texts: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(body).expect("an array");
    texts.iter().map(|text| Event::from_json(text.get()).expect("an event")).collect()
}

/// The body of a POST.
pub(crate) fn new_event(event_type: &str, payload: &str) -> String {
    format!(r#"{{"eventType":"{event_type}","sourceAppId":"App1","dataPayload":{payload}}}"#)
}

/// One WebSocket.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl From<WebSocketStream<TcpStream>> for Socket {
    fn from(stream: WebSocketStream<TcpStream>) -> Self {
        Self(stream)
    }
}

impl Socket {
    /// Connects, or says why not.
    pub(crate) async fn try_open(
        port: u16,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Error> {
        let mut request = format!("ws://localhost:{port}{path}").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let opened = tokio_tungstenite::client_async(request, stream);
        within("a handshake", opened).await.map(|(socket, _)| Self(socket))
    }

    pub(crate) async fn open(port: u16) -> Self {
        Self::try_open(port, "/", &[]).await.expect("a socket")
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        within("sending", self.0.send(message)).await
    }

    /// The next message; `None` when the socket has ended.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        within("a message", self.0.next()).await
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("not a text: {other:?}"),
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        let text = self.text().await;
        Event::from_json(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The close code, after whatever else is still to come.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}
