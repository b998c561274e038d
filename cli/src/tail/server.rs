//! What the server is asked for: over HTTP what stands in the log, and its WebSocket.

use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use eventlog_chain::{Event, EventId};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{
    AUTHORIZATION, CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::End;
use super::address::{Address, Filter};
use crate::printable::printable;

/// Opens connections, over TLS or without.
pub(super) type Connector = HttpsConnector<HttpConnector>;
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// No message has more bytes: API Gateway's limit. No answer here has, either.
const LARGEST: usize = 128 << 10;

/// Trusts the certificates that browsers trust.
pub(super) fn connector() -> Connector {
    let https = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(ring::default_provider());
    // It fails where the provider has none of the usual cipher suites.
    let https = https.unwrap_or_else(|_| unreachable!("ring has cipher suites"));
    https.https_or_http().enable_http1().build()
}

/// Both APIs, with the token that opens them. HTTP and WebSocket go the same way, over TLS or without.
pub(super) struct Server {
    client: legacy::Client<Connector, Empty<Bytes>>,
    address: Address,
    token: Option<HeaderValue>,
    /// For an answer or an open socket.
    time: Duration,
}

impl Server {
    /// A server that nobody has asked anything yet.
    pub(super) fn new(
        connector: Connector,
        address: Address,
        token: Option<HeaderValue>,
        time: Duration,
    ) -> Self {
        // What is asked for so seldom needs no connection that waits for it.
        let client = legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Self { client, address, token, time }
    }

    /// `_id` of the last event of the log; nothing of an empty one.
    pub(super) async fn head(&self) -> Result<Option<EventId>, End> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Chain {
            head_id: Option<String>,
        }
        let unreadable = || End::Refused("GET /chain: this is no answer of an event log".into());
        let answer = self.get("/chain").await?.ok_or_else(|| {
            End::Refused("GET /chain answered 404: give the URL of the HTTP API with --http".into())
        })?;
        let chain: Chain = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
        chain.head_id.map(|id| id.parse().map_err(|_| unreadable())).transpose()
    }

    /// The event, if it is in the log.
    pub(super) async fn event(&self, id: EventId) -> Result<Option<Event>, End> {
        let path = format!("/events/{id}");
        let Some(answer) = self.get(&path).await? else { return Ok(None) };
        let event = std::str::from_utf8(&answer).ok().and_then(|text| Event::from_json(text).ok());
        match event.filter(|event| event.id == id) {
            Some(event) => Ok(Some(event)),
            None => Err(End::Refused(format!("GET {path}: this is no answer of an event log"))),
        }
    }

    /// The first event of the log, if there is one.
    pub(super) async fn first(&self) -> Result<Option<Event>, End> {
        const PATH: &str = "/events?limit=1";
        let unreadable = || End::Refused(format!("GET {PATH}: this is no answer of an event log"));
        let answer = self.get(PATH).await?.ok_or_else(unreadable)?;
        let events: Vec<&RawValue> = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
        events.first().map(|text| Event::from_json(text.get()).map_err(|_| unreadable())).transpose()
    }

    /// What a GET answers; nothing for 404.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, End> {
        let what = format!("GET {path}");
        let answered = timeout(self.time, async {
            let response = self.send(&what, Request::get(self.address.http(path))).await?;
            match response.status() {
                StatusCode::OK => Ok(Some(body(&what, response).await?)),
                StatusCode::NOT_FOUND => Ok(None),
                _ => Err(self.refusal(&what, response).await),
            }
        });
        answered.await.unwrap_or_else(|_| Err(End::Again(format!("{what} was not answered in time"))))
    }

    /// A WebSocket on which the events come that are later than `after`.
    pub(super) async fn open(&self, after: Option<EventId>, filter: &Filter) -> Result<Socket, End> {
        const WHAT: &str = "the WebSocket";
        let key = generate_key();
        let request = Request::get(self.address.websocket(after, filter))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let opened = timeout(self.time, async {
            let response = self.send(WHAT, request).await?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(self.refusal(WHAT, response).await);
            }
            let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
            if accept.is_none_or(|accept| *accept != derive_accept_key(key.as_bytes())) {
                return Err(End::Refused(format!("{WHAT}: this is no answer of a WebSocket")));
            }
            let upgraded = hyper::upgrade::on(response).await;
            let io = TokioIo::new(upgraded.map_err(|error| no_answer(WHAT, error))?);
            let config =
                WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
            Ok(WebSocketStream::from_raw_socket(io, Role::Client, Some(config)).await)
        });
        opened.await.unwrap_or_else(|_| Err(End::Again(format!("{WHAT} did not open in time"))))
    }

    async fn send(
        &self,
        what: &str,
        mut request: hyper::http::request::Builder,
    ) -> Result<Response<Incoming>, End> {
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Empty::new()).map_err(|error| End::Refused(format!("{what}: {error}")))?;
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        self.client.request(request).await.map_err(|error| {
            let is_away = error.is_connect();
            let error = anyhow::Error::from(error);
            no_answer(
                what,
                if is_away { anyhow!("no connection to {host}: {}", error.root_cause()) } else { error },
            )
        })
    }

    /// An answer that is none of those that were hoped for. Some pass.
    async fn refusal(&self, what: &str, response: Response<Incoming>) -> End {
        let status = response.status();
        let passes = status.is_server_error()
            || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        let mut refusal = format!("{what} answered {}", status.as_u16());
        if let Ok(body) = body(what, response).await
            && let Some(detail) = self.detail(&body)
        {
            refusal = format!("{refusal}: {detail}");
        }
        if status == StatusCode::UNAUTHORIZED && self.token.is_none() {
            refusal += " (the token is taken from the environment variable EVENTLOG_TOKEN)";
        }
        if passes { End::Again(refusal) } else { End::Refused(refusal) }
    }

    /// What a refusal says for people: problem details (RFC 9457), or API Gateway's own. Whoever answers, the token is
    /// not shown.
    fn detail(&self, body: &[u8]) -> Option<String> {
        #[derive(Deserialize)]
        struct Says {
            #[serde(alias = "message")]
            detail: String,
        }
        let Says { detail } = serde_json::from_slice(body).ok()?;
        let token = self.token.as_ref().and_then(|token| token.to_str().ok()?.strip_prefix("Bearer "));
        let shows_the_token = token.is_some_and(|token| detail.contains(token));
        (!shows_the_token).then(|| printable(&detail))
    }
}

async fn body(what: &str, response: Response<Incoming>) -> Result<Bytes, End> {
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    Ok(body.map_err(|error| End::Again(format!("{what}: {error}")))?.to_bytes())
}

fn no_answer(what: &str, error: impl Into<anyhow::Error>) -> End {
    End::Again(format!("{what} had no answer: {:#}", error.into()))
}
