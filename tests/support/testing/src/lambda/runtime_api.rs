//! The Runtime API of one instance: HTTP in, calls out. It has a port of its own, so that its address is a bare
//! `host:port` as on Lambda, and everything of an instance ends together.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::FunctionError;

/// What Lambda takes as the answer of a synchronous invocation: 6 MB ("Lambda quotas").
const MAX_ANSWER: usize = 6 * 1024 * 1024;
const VERSION: &str = "/2018-06-01/runtime/";

/// What an instance says.
pub(super) enum Call {
    /// It is ready. What is sent here is its next invocation.
    Next(oneshot::Sender<Invocation>),
    /// It has answered the invocation of this id.
    Answer { id: String, answer: Result<Bytes, FunctionError> },
    /// It cannot start.
    InitError(FunctionError),
}

/// What an instance is given to do.
pub(super) struct Invocation {
    pub(super) id: String,
    /// Milliseconds since 1970.
    pub(super) deadline: u128,
    pub(super) arn: String,
    pub(super) payload: Bytes,
}

pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) calls: mpsc::UnboundedReceiver<Call>,
    /// Dropping it closes the port and the connections.
    _server: JoinSet<()>,
}

impl RuntimeApi {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (sender, calls) = mpsc::unbounded_channel();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, sender));
        Self { address, calls, _server: server }
    }
}

async fn serve(listener: TcpListener, calls: mpsc::UnboundedSender<Call>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let calls = calls.clone();
        let service = service_fn(move |request| answer(request, calls.clone()));
        connections.spawn(async move {
            // It fails when the instance is killed, which is seen elsewhere.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    calls: mpsc::UnboundedSender<Call>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let path: Vec<&str> = match parts.uri.path().strip_prefix(VERSION) {
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
            let body = read(body).await;
            let fits = body.len() <= MAX_ANSWER;
            let id = (*id).to_owned();
            let answer = if fits { Ok(body) } else { Err(too_large(body.len())) };
            let _ = calls.send(Call::Answer { id, answer });
            Some(status(if fits { StatusCode::ACCEPTED } else { StatusCode::PAYLOAD_TOO_LARGE }))
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let error = FunctionError::read(&read(body).await);
            let _ = calls.send(Call::Answer { id: (*id).to_owned(), answer: Err(error) });
            Some(status(StatusCode::ACCEPTED))
        }
        (&Method::POST, ["init", "error"]) => {
            let _ = calls.send(Call::InitError(FunctionError::read(&read(body).await)));
            Some(status(StatusCode::ACCEPTED))
        }
        _ => Some(status(StatusCode::NOT_FOUND)),
    };
    // Nobody wants the instance any more.
    Ok(reply.unwrap_or_else(|| status(StatusCode::GONE)))
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

/// The whole body, or nothing of one that breaks off.
async fn read(body: Incoming) -> Bytes {
    body.collect().await.map(|body| body.to_bytes()).unwrap_or_default()
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

fn too_large(len: usize) -> FunctionError {
    let message = format!("Response payload size ({len} bytes) exceeded maximum allowed {MAX_ANSWER} bytes");
    FunctionError { kind: "Function.ResponseSizeTooLarge".into(), message }
}
