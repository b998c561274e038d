//! HTTP endpoints in the place of what a program calls.

use std::future::Future;
use std::net::SocketAddr;
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

/// An endpoint on the loopback interface. Dropping it closes its port and its connections.
pub struct Endpoint {
    address: SocketAddr,
    certificate: Option<CertificateDer<'static>>,
    _server: JoinSet<()>,
}

impl Endpoint {
    /// Answers each request, its body read, as `answer` does. A request that breaks off is not answered.
    pub async fn start<F>(answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        Self::listen(None, answer).await
    }

    /// Does so over TLS, with a certificate that nobody trusts who is not told to.
    pub async fn start_https<F>(answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let key = own.signing_key.serialize_der().try_into().expect("a key");
        let tls = ServerConfig::builder_with_provider(ring::default_provider().into());
        let tls = tls.with_safe_default_protocol_versions().expect("ring has cipher suites");
        let certificate = own.cert.der().clone();
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.clone()], key);
        let tls = TlsAcceptor::from(Arc::new(tls.expect("a certificate of this key")));
        Self { certificate: Some(certificate), ..Self::listen(Some(tls), answer).await }
    }

    async fn listen<F>(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let mut server = JoinSet::new();
        server.spawn(serve(listener, tls, answer));
        Self { address, certificate: None, _server: server }
    }

    /// `http://` or `https://`, and its address.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Its certificate, which is its own root, where it speaks TLS.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.certificate.as_ref()
    }
}

async fn serve<F>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, answer) = (tls.clone(), answer.clone());
        connections.spawn(async move {
            match tls {
                None => converse(stream, answer).await,
                // It fails where the certificate is not trusted.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, answer).await;
                    }
                }
            }
        });
    }
}

async fn converse<F>(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
) where
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
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
    // It fails when the client goes away.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
