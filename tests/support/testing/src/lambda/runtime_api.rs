//! The Runtime API of one instance, on a port of its own: its address is a bare `host:port` as on Lambda, and all
//! connections of an instance end together.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::error::FunctionError;
use crate::Endpoint;

/// Maximum bytes of the reply to a synchronous invocation ("Lambda quotas").
const MAX_REPLY: usize = 6 * 1024 * 1024;
const PATH_PREFIX: &str = "/2018-06-01/runtime/";

/// A call of an instance.
pub(super) enum Call {
    /// The instance asks for its next invocation, which goes to the sender.
    Next(oneshot::Sender<Invocation>),
    /// The reply to the invocation with this id.
    Reply { id: String, reply: Result<Bytes, FunctionError> },
    /// The instance cannot start.
    InitError(FunctionError),
}

/// An invocation.
pub(super) struct Invocation {
    pub(super) id: String,
    /// Milliseconds since 1970.
    pub(super) deadline: u128,
    pub(super) arn: String,
    pub(super) payload: Bytes,
}

/// The server of one instance, and the calls that the instance makes.
pub(super) struct RuntimeApi {
    endpoint: Endpoint,
    pub(super) calls: mpsc::UnboundedReceiver<Call>,
}

impl RuntimeApi {
    pub(super) async fn start() -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let endpoint = Endpoint::start(move |request| reply(request, sender.clone())).await;
        Self { endpoint, calls }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.endpoint.address()
    }
}

async fn reply(request: Request<Bytes>, calls: mpsc::UnboundedSender<Call>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let path: Vec<&str> = match parts.uri.path().strip_prefix(PATH_PREFIX) {
        Some(path) => path.split('/').collect(),
        None => Vec::new(),
    };
    let reply = match (&parts.method, &path[..]) {
        (&Method::GET, ["invocation", "next"]) => {
            let (sender, invocation) = oneshot::channel();
            let _ = calls.send(Call::Next(sender));
            invocation.await.ok().map(invocation_reply)
        }
        (&Method::POST, ["invocation", id, "response"]) => {
            let fits = body.len() <= MAX_REPLY;
            let id = (*id).to_owned();
            let reply = if fits { Ok(body) } else { Err(too_large(body.len())) };
            let _ = calls.send(Call::Reply { id, reply });
            Some(status(if fits { StatusCode::ACCEPTED } else { StatusCode::PAYLOAD_TOO_LARGE }))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let reply = Err(FunctionError::parse(&body));
            let _ = calls.send(Call::Reply { id: (*id).to_owned(), reply });
            Some(status(StatusCode::ACCEPTED))
        }
        (&Method::POST, ["init", "error"]) => {
            let _ = calls.send(Call::InitError(FunctionError::parse(&body)));
            Some(status(StatusCode::ACCEPTED))
        }
        _ => Some(status(StatusCode::NOT_FOUND)),
    };
    // Without an invocation the test has dropped the instance.
    reply.unwrap_or_else(|| status(StatusCode::GONE))
}

fn invocation_reply(Invocation { id, deadline, arn, payload }: Invocation) -> Response<Full<Bytes>> {
    let reply = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", arn)
        .header("lambda-runtime-trace-id", "Root=1-6743a2f5-0123456789abcdef01234567;Sampled=0");
    reply.body(Full::from(payload)).expect("headers of ASCII")
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

fn too_large(len: usize) -> FunctionError {
    let message = format!("Response payload size ({len} bytes) exceeded maximum allowed {MAX_REPLY} bytes");
    FunctionError { kind: "Function.ResponseSizeTooLarge".into(), message }
}
