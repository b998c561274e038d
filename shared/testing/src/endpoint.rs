//! HTTP endpoints in the place of what a program calls.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// An endpoint on the loopback interface. Dropping it closes its port and its connections.
pub struct Endpoint {
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl Endpoint {
    /// Answers each request, its body read, as `answer` does. A request that breaks off is not answered.
    pub async fn start<F>(answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut server = JoinSet::new();
        server.spawn(serve(listener, answer));
        Self { address, _server: server }
    }

    /// `http://` and its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve<F>(listener: TcpListener, answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static)
where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let answer = answer.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = answer.clone();
            async move {
                let (parts, body) = request.into_parts();
                match body.collect().await {
                    Ok(body) => Ok(answer(Request::from_parts(parts, body.to_bytes())).await),
                    Err(broken) => Err(broken),
                }
            }
        });
        connections.spawn(async move {
            // It fails when the client goes away.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
