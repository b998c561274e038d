//! HTTP servers that stand in for the services that a program calls.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

type Reply = Response<Full<Bytes>>;
type Handler = Arc<dyn Fn(Request<Bytes>) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync>;

/// An HTTP server on the loopback interface. Dropping it closes its port and its connections.
pub struct Endpoint {
    address: SocketAddr,
    certificate: Option<CertificateDer<'static>>,
    _server: JoinSet<()>,
}

impl Endpoint {
    /// Starts a server that replies to each request, its body read, as `handle` does. A truncated request gets no
    /// reply.
    pub async fn start<F>(handle: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self::listen(None, Arc::new(move |request| Box::pin(handle(request)))).await
    }

    /// Starts a server for TLS, with a self-signed certificate.
    pub async fn start_https<F>(handle: impl Fn(Request<Bytes>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = signed.signing_key.serialize_der().try_into().expect("a key");
        let certificate = signed.cert.der().clone();
        let tls = ServerConfig::builder_with_provider(ring::default_provider().into());
        let tls = tls.with_safe_default_protocol_versions().expect("ring has cipher suites");
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
        let tls = TlsAcceptor::from(Arc::new(tls.expect("a certificate of this key")));
        let endpoint = Self::listen(Some(tls), Arc::new(move |request| Box::pin(handle(request)))).await;
        Self { certificate: Some(certificate), ..endpoint }
    }

    async fn listen(tls: Option<TlsAcceptor>, handler: Handler) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut server = JoinSet::new();
        server.spawn(accept(listener, tls, handler));
        Self { address, certificate: None, _server: server }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the server, without a path.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Returns the certificate, which is its own root; `None` without TLS.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, handler: Handler) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, handler) = (tls.clone(), handler.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, handler).await,
                // Fails if the client does not trust the certificate.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, handler).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, handler: Handler) {
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(handler(Request::from_parts(parts, body)).await)
        }
    });
    // Fails when the client closes the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
