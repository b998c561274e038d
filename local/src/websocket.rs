//! WebSockets: the handshake, and the life of one socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use eventlog_ledger::{ConnectionStore, EventStore, new_id, now};
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::envelope::websocket::Peer;
use crate::envelope::{self, Answer};
use crate::functions::{Functions, WebSocketRoute};
use crate::gateway::Gateway;

/// A message of a client has at most so many bytes: API Gateway's limit.
const MAX_MESSAGE: usize = 128 << 10;
/// A client that takes no byte for so long is given up.
const STALLED: Duration = Duration::from_secs(30);
/// The subprotocol that a browser offers beside its token.
const SUBPROTOCOL: &str = "eventlog.v1";

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Whether the client asks for a WebSocket.
pub(crate) fn is_upgrade(request: &Request<Incoming>) -> bool {
    let upgrade = request.headers().get(UPGRADE).map(HeaderValue::as_bytes);
    request.method() == Method::GET && upgrade.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
}

/// Asks `$connect`; if it agrees, the socket lives on in a task of its own.
pub(crate) async fn upgrade<L: EventStore, C: ConnectionStore>(
    gateway: &Arc<Gateway<L, C>>,
    mut request: Request<Incoming>,
    ip: IpAddr,
) -> Result<Response<Full<Bytes>>> {
    let upgraded = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Some(handshake) = handshake(&parts) else {
        let mut refusal = Response::new(Full::from("this is not a WebSocket handshake of version 13\n"));
        *refusal.status_mut() = StatusCode::UPGRADE_REQUIRED;
        refusal.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return Ok(refusal);
    };
    // Ends in `=`, as API Gateway's do.
    let peer = Peer { connection_id: format!("{}=", new_id()), connected_at: now(), ip };
    let request = envelope::websocket::connect(&peer, &parts)?;
    let mailbox = gateway.sockets.open(&peer.connection_id);
    let reply = gateway.functions.websocket(WebSocketRoute::Connect, &request).await;
    let reply = reply.inspect_err(|_| gateway.sockets.close(&peer.connection_id))?;
    let answer: Answer<'_> = serde_json::from_slice(&reply)?;
    if answer.status_code != StatusCode::OK.as_u16() {
        gateway.sockets.close(&peer.connection_id);
        let refusal = Response::builder().status(answer.status_code);
        let refusal = refusal.header(CONTENT_TYPE, "application/problem+json");
        return Ok(refusal.body(Full::from(answer.into_body()?))?);
    }
    gateway.joined.notify_one();
    let gateway = gateway.clone();
    gateway.tasks.clone().spawn(async move {
        let code = match upgraded.await {
            Ok(io) => {
                let config = WebSocketConfig::default()
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                let socket =
                    WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, Some(config)).await;
                live(&gateway, &peer, socket, mailbox).await
            }
            Err(_) => CloseCode::Abnormal,
        };
        gateway.sockets.close(&peer.connection_id);
        if let Err(error) = disconnect(&gateway.functions, &peer, code).await {
            tracing::error!("$disconnect failed: {error:#}");
        }
    });
    Ok(handshake)
}

/// The answer to a handshake (RFC 6455, 4.2.2); `None` if it is none.
fn handshake(parts: &Parts) -> Option<Response<Full<Bytes>>> {
    let header = |name| parts.headers.get(name).map(HeaderValue::as_bytes);
    if header(SEC_WEBSOCKET_VERSION)? != b"13" {
        return None;
    }
    let accept = derive_accept_key(header(SEC_WEBSOCKET_KEY)?);
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    let mut offers =
        parts.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offer| offer.to_str().ok());
    if offers.any(|offer| offer.split(',').any(|one| one.trim() == SUBPROTOCOL)) {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    }
    response.body(Full::default()).ok()
}

/// Carries messages both ways until one side ends it; answers the close code.
async fn live<L: EventStore, C: ConnectionStore>(
    gateway: &Gateway<L, C>,
    peer: &Peer,
    mut socket: Socket,
    mut mailbox: mpsc::Receiver<Bytes>,
) -> CloseCode {
    loop {
        let done = tokio::select! {
            () = gateway.stop.cancelled() => Err(CloseCode::Away),
            message = mailbox.recv() => send(&mut socket, message, &mut mailbox).await,
            message = socket.next() => receive(&gateway.functions, peer, &mut socket, message).await,
        };
        if let Err(code) = done {
            // One that does not take the farewell is gone all the same.
            let farewell = CloseFrame { code, reason: Utf8Bytes::default() };
            let _ = timeout(Duration::from_secs(1), socket.close(Some(farewell))).await;
            return code;
        }
    }
}

/// Sends a message and what else waits, in one go.
async fn send(
    socket: &mut Socket,
    first: Option<Bytes>,
    mailbox: &mut mpsc::Receiver<Bytes>,
) -> Result<(), CloseCode> {
    written(async {
        let mut next = first;
        while let Some(message) = next {
            // What we send is JSON that we wrote.
            let text = Utf8Bytes::try_from(message).map_err(|error| Error::Utf8(error.to_string()))?;
            socket.feed(Message::Text(text)).await?;
            next = mailbox.try_recv().ok();
        }
        socket.flush().await
    })
    .await
}

async fn receive<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    peer: &Peer,
    socket: &mut Socket,
    message: Option<Result<Message, Error>>,
) -> Result<(), CloseCode> {
    let request = match message {
        Some(Ok(Message::Text(text))) => envelope::websocket::message(peer, text.as_bytes(), false),
        Some(Ok(Message::Binary(bytes))) => envelope::websocket::message(peer, &bytes, true),
        // The library has answered a ping; this sends the answer off.
        Some(Ok(Message::Ping(_))) => return written(socket.flush()).await,
        Some(Ok(Message::Close(_))) => return Err(CloseCode::Normal),
        Some(Ok(_)) => return Ok(()),
        Some(Err(error)) => return Err(close_code(&error)),
        None => return Err(CloseCode::Abnormal),
    };
    let reply = async { answer(functions, request?).await }.await.map_err(|error: anyhow::Error| {
        tracing::error!("$default failed: {error:#}");
        CloseCode::Error
    })?;
    written(socket.send(Message::Text(reply))).await
}

/// What the function for messages has to say.
async fn answer<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    request: Vec<u8>,
) -> Result<Utf8Bytes> {
    let reply = functions.websocket(WebSocketRoute::Default, &request).await?;
    let answer: Answer<'_> = serde_json::from_slice(&reply)?;
    Ok(Utf8Bytes::try_from(answer.into_body()?)?)
}

async fn disconnect<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    peer: &Peer,
    code: CloseCode,
) -> Result<()> {
    let request = envelope::websocket::disconnect(peer, code.into())?;
    functions.websocket(WebSocketRoute::Disconnect, &request).await.map(drop)
}

/// Waits for a write, but not for ever.
async fn written(write: impl Future<Output = Result<(), Error>>) -> Result<(), CloseCode> {
    match timeout(STALLED, write).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(close_code(&error)),
        Err(_) => Err(CloseCode::Policy),
    }
}

/// RFC 6455, 7.4.1.
fn close_code(error: &Error) -> CloseCode {
    match error {
        Error::Capacity(_) => CloseCode::Size,
        Error::Utf8(_) => CloseCode::Invalid,
        Error::Protocol(_) => CloseCode::Protocol,
        _ => CloseCode::Abnormal,
    }
}
