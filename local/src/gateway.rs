//! The port: accepts connections, lets the guard look at each request, and sends it to its function.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use eventlog_edge::Problem;
use eventlog_ledger::{ConnectionStore, EventStore};
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::Acceptor;
use crate::body::Body;
use crate::budget::Budget;
use crate::client_stream::ClientStream;
use crate::descriptors::max_connections;
use crate::functions::Functions;
use crate::guard::Guard;
use crate::reply::{Reply, problem_reply};
use crate::websocket::{self, WebSockets};
use crate::{cors, http};

/// Everything that a request needs.
pub(crate) struct Gateway<L, C> {
    pub(crate) guard: Guard,
    pub(crate) functions: Functions<L, C>,
    pub(crate) websockets: WebSockets<L, C>,
    pub(crate) budget: Budget,
    pub(crate) stop: CancellationToken,
    /// What is under way: connections, with their requests, and sockets.
    pub(crate) tasks: TaskTracker,
}

/// How long a client may take for its request line and headers, and how long it may keep a connection for the next
/// request.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a request line with its headers, at most.
const MAX_HEADERS: usize = 128 << 10;
/// How long requests under way may take when the server is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);

impl<L: EventStore, C: ConnectionStore> Gateway<L, C> {
    /// Serves until told to stop, then finishes what is under way.
    pub(crate) async fn run(self, listeners: Vec<TcpListener>) {
        let gateway = Arc::new(self);
        let free = Arc::new(Semaphore::new(max_connections()));
        let acceptors = listeners.into_iter().map(|listener| Acceptor::new(listener, free.clone()));
        join_all(acceptors.map(|acceptor| gateway.accept(acceptor))).await;
        gateway.tasks.close();
        if tokio::time::timeout(STOP_GRACE, gateway.tasks.wait()).await.is_err() {
            tracing::warn!("some requests were cut off");
        }
    }

    async fn accept(self: &Arc<Self>, mut acceptor: Acceptor) {
        loop {
            let (stream, peer) = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = acceptor.next() => accepted,
            };
            self.tasks.spawn(self.clone().serve(stream, peer));
        }
    }

    async fn serve(self: Arc<Self>, stream: ClientStream<TcpStream>, peer: IpAddr) {
        let stop = self.stop.clone();
        let service = service_fn(move |request| {
            let gateway = self.clone();
            async move { Ok::<_, Infallible>(gateway.answer(request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_TIMEOUT)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // A client that breaks off, or speaks no HTTP, is its own affair.
        if let Err(error) = ended {
            tracing::debug!("a connection ended: {error}");
        }
    }

    /// What came and what became of it is told to whoever wants to know (`RUST_LOG=info`); the query string may be long,
    /// and is nobody's business.
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Reply {
        let (since, method, path) = (Instant::now(), request.method().clone(), request.uri().clone());
        let reply = self.answer_to(request, peer).await;
        let (status, millis) = (reply.status().as_u16(), since.elapsed().as_millis());
        tracing::info!(%method, path = path.path(), status, millis, "answered");
        reply
    }

    async fn answer_to(&self, request: Request<Incoming>, peer: IpAddr) -> Reply {
        let (parts, body) = request.into_parts();
        let body = Body::new(body, &parts.headers);
        if let Err(problem) = self.guard.check(&parts) {
            return problem_reply(problem);
        }
        let origin = parts.headers.get(ORIGIN).cloned();
        let mut reply = if cors::is_preflight(&parts) {
            cors::preflight()
        } else {
            let invoked = self.invoke(Request::from_parts(parts, body), peer).await;
            invoked.unwrap_or_else(|error| {
                tracing::error!("{error:#}");
                problem_reply(Problem::internal())
            })
        };
        cors::allow(origin, &mut reply);
        reply
    }

    async fn invoke(&self, request: Request<Body>, peer: IpAddr) -> Result<Reply> {
        if websocket::is_upgrade(&request) {
            // As below: of a client that leaves half-way, `$disconnect` must be told.
            let websockets = self.websockets.clone();
            return tokio::spawn(async move { websockets.upgrade(request, peer).await }).await?;
        }
        let (parts, body) = request.into_parts();
        let share = match self.budget.share(&parts, body.max_len()).await {
            Ok(share) => share,
            Err(problem) => return Ok(problem_reply(problem)),
        };
        let request = Request::from_parts(parts, body);
        // As a task of its own: a function that panics fails its request, not the connection's others; and a
        // client that leaves does not stop an append half-way.
        let functions = self.functions.clone();
        let reply = tokio::spawn(async move { http::invoke(&functions, request, peer).await }).await??;
        Ok(share.keep(reply).await)
    }
}
