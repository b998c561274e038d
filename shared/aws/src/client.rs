//! Signed requests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventlog_ledger::now;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::causes::causes;
use crate::{Caller, Signer};

/// A connection that was idle for longer is not used again: while an instance is frozen, whatever lies between it and
/// AWS may have forgotten it.
const MAX_IDLE: Duration = Duration::from_secs(20);

/// Calls AWS in somebody's name, over HTTP/1.1 with TLS (or without, where a URL says `http:`). Connections are made
/// when they are needed, and kept. Nothing is repeated.
#[derive(Clone)]
pub struct Client {
    signer: Arc<Signer>,
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// There is no reply; what became of the request is unknown.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoReply(String);

impl Client {
    /// A client without connections, for endpoints with public certificates.
    pub fn new(caller: Caller) -> Self {
        Self::with_tls(caller, tls().with_webpki_roots().with_no_client_auth())
    }

    /// One for endpoints with certificates that these roots vouch for, and no others.
    pub fn trusting(caller: Caller, roots: RootCertStore) -> Self {
        Self::with_tls(caller, tls().with_root_certificates(roots).with_no_client_auth())
    }

    fn with_tls(caller: Caller, tls: ClientConfig) -> Self {
        let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let mut http = legacy::Client::builder(TokioExecutor::new());
        http.pool_timer(TokioTimer::new()).pool_idle_timeout(MAX_IDLE);
        Self { signer: Arc::new(Signer::new(caller)), http: http.build(https) }
    }

    /// Signs a request to a service, by its name in signatures, and sends it. Any reply within the time will do,
    /// whatever its status.
    pub async fn send(
        &self,
        service: &str,
        mut request: Request<Bytes>,
        time: Duration,
    ) -> Result<Response<Bytes>, NoReply> {
        let signed = self.signer.sign(&mut request, service, now());
        signed.map_err(|error| NoReply(causes(&error)))?;
        let reply = async {
            let reply = self.http.request(request.map(Full::new)).await;
            let (parts, body) = reply.map_err(|error| NoReply(causes(&error)))?.into_parts();
            let body = body.collect().await.map_err(|error| NoReply(causes(&error)))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let too_late = |_| NoReply(format!("no reply within {} s", time.as_secs()));
        tokio::time::timeout(time, reply).await.map_err(too_late)?
    }
}

fn tls() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into());
    // It fails where the provider has none of the usual cipher suites.
    tls.with_safe_default_protocol_versions().unwrap_or_else(|_| unreachable!("ring has cipher suites"))
}
