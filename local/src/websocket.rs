//! WebSockets: the local counterpart of API Gateway's WebSocket API.

mod handshake;
mod socket;

use std::net::IpAddr;

use anyhow::Result;
use eventlog_ledger::{ConnectionStore, EventStore, new_id, now};
use hyper::header::SEC_WEBSOCKET_PROTOCOL;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::Body;
use crate::envelope::websocket::Peer;
use crate::envelope::{self, Answer};
use crate::functions::{Functions, WebSocketRoute};
use crate::reply::Reply;
use crate::sockets::{Letter, Sockets};

pub(crate) use handshake::is_upgrade;

/// A message of a client has at most so many bytes: API Gateway's limit.
const MAX_MESSAGE: usize = 128 << 10;

/// Each socket has one, and the library clears all of it whenever it looks for more. What clients send is short.
const READ_BUFFER: usize = 1 << 10;

/// Everything that a WebSocket needs.
#[derive(Clone)]
pub(crate) struct WebSockets<L, C> {
    pub(crate) functions: Functions<L, C>,
    pub(crate) sockets: Sockets,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl<L: EventStore, C: ConnectionStore> WebSockets<L, C> {
    /// Asks `$connect`; if it agrees, the socket lives on in a task of its own.
    pub(crate) async fn upgrade(&self, mut request: Request<Body>, ip: IpAddr) -> Result<Reply> {
        let upgraded = hyper::upgrade::on(&mut request);
        let (parts, _) = request.into_parts();
        let mut opening = match handshake::accept(&parts) {
            Ok(opening) => opening,
            Err(problem) => return Ok(handshake::refuse(problem)),
        };
        // Ends in `=`, as API Gateway's do.
        let peer = Peer { connection_id: format!("{}=", new_id()), connected_at: now(), ip };
        let request = envelope::websocket::connect(&peer, &parts)?;
        let mailbox = self.sockets.open(&peer.connection_id);
        let reply = self.functions.websocket(WebSocketRoute::Connect, &request).await;
        let reply = reply.inspect_err(|_| self.sockets.close(&peer.connection_id))?;
        let answer: Answer<'_> = serde_json::from_slice(&reply)?;
        if answer.status_code != StatusCode::OK.as_u16() {
            self.sockets.close(&peer.connection_id);
            return answer.into_reply();
        }
        // API Gateway passes on no other header of this answer.
        if let Some(subprotocol) = answer.header(&SEC_WEBSOCKET_PROTOCOL) {
            opening.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol.try_into()?);
        }
        self.tasks.spawn(self.clone().serve(peer, upgraded, mailbox));
        Ok(opening)
    }

    async fn serve(self, peer: Peer, upgraded: OnUpgrade, mailbox: mpsc::UnboundedReceiver<Letter>) {
        let code = match upgraded.await {
            Ok(io) => {
                let config = WebSocketConfig::default()
                    .read_buffer_size(READ_BUFFER)
                    .max_message_size(Some(MAX_MESSAGE))
                    .max_frame_size(Some(MAX_MESSAGE));
                let io = TokioIo::new(io);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                socket::live(&self.functions, &peer, socket, mailbox, &self.stop).await
            }
            Err(_) => CloseCode::Abnormal,
        };
        self.sockets.close(&peer.connection_id);
        if let Err(error) = self.disconnect(&peer, code).await {
            tracing::error!("$disconnect failed: {error:#}");
        }
    }

    async fn disconnect(&self, peer: &Peer, code: CloseCode) -> Result<()> {
        let request = envelope::websocket::disconnect(peer, code.into())?;
        self.functions.websocket(WebSocketRoute::Disconnect, &request).await.map(drop)
    }
}
