//! The life of one open socket.

use std::pin::pin;
use std::time::Duration;

use anyhow::Result;
use eventlog_ledger::{ConnectionStore, EventStore};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_util::sync::CancellationToken;

use crate::envelope::websocket::Peer;
use crate::envelope::{self, Answer};
use crate::functions::{Functions, WebSocketRoute};
use crate::sockets::Letter;

/// API Gateway closes every connection after so long, and what is older is swept from a database that both use.
const LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);
/// A client that takes no byte for so long is given up.
const STALLED: Duration = Duration::from_secs(30);

pub(crate) type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Carries messages both ways until one side ends it; answers the close code.
pub(crate) async fn live<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    peer: &Peer,
    mut socket: Socket,
    mut mailbox: mpsc::UnboundedReceiver<Letter>,
    stop: &CancellationToken,
) -> CloseCode {
    let mut lifetime = pin!(tokio::time::sleep(LIFETIME));
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => Err(CloseCode::Away),
            () = lifetime.as_mut() => Err(CloseCode::Away),
            message = mailbox.recv() => send(&mut socket, message, &mut mailbox).await,
            message = socket.next() => receive(functions, peer, &mut socket, message).await,
        };
        if let Err(code) = done {
            // One that does not take the farewell is gone all the same.
            let _ = timeout(Duration::from_secs(1), part(socket, code)).await;
            return code;
        }
    }
}

/// Closes, or answers the client's close, and hears the client out: to end a connection with bytes unread would
/// reset it, and our last words could be lost.
async fn part(mut socket: Socket, code: CloseCode) -> std::io::Result<()> {
    let farewell = CloseFrame { code, reason: Utf8Bytes::default() };
    // Fails if the client has closed; the answer to that then waits to be flushed.
    if socket.close(Some(farewell)).await.is_err() {
        let _ = socket.flush().await;
    }
    let stream = socket.get_mut();
    stream.shutdown().await?;
    let mut unread = [0; 8 << 10];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// Sends a message and what else waits by now, in one go.
async fn send(
    socket: &mut Socket,
    first: Option<Letter>,
    mailbox: &mut mpsc::UnboundedReceiver<Letter>,
) -> Result<(), CloseCode> {
    let mut more = mailbox.len();
    let mut next = first;
    while let Some(Letter { message, .. }) = next {
        // What we send is JSON that we wrote.
        let text = Utf8Bytes::try_from(message).map_err(|_| CloseCode::Error)?;
        written(socket.feed(Message::Text(text))).await?;
        // Whoever sends without end must hear the client now and then.
        next = if more > 0 { mailbox.try_recv().ok() } else { None };
        more = more.saturating_sub(1);
    }
    written(socket.flush()).await
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
