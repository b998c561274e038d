//! Who posts: the client of `broadcast`, hyper-util's with nothing around it, and hyper's connections themselves.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use eventlog_aws::{Caller, Client};
use eventlog_broadcast::ApiGateway;
use eventlog_ledger::broadcast::{Message, Push};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::endpoint::Endpoint;

const MESSAGE: Bytes = Bytes::from_static(
    concat!(
        r#"{"_id":"64fdc8e5a835b1c4d6c5693f","eventType":"Login","sourceAppId":"App1","#,
        r#""dataPayload":{"userId":"12345","action":"loggedIn"},"timestamp":"2024-11-22T08:32:05.391Z","#,
        r#""previousHash":"0000000000000000000000000000000000000000","#,
        r#""currentHash":"4854973128d1e444e7024a949b73fc980ae5f5e0"}"#
    )
    .as_bytes(),
);

/// Posts to a connection of its own.
pub(crate) trait Poster: Send + 'static {
    /// Returns when the post was taken.
    fn post(&mut self) -> impl Future<Output = Result<()>> + Send;
}

pub(crate) struct Ours {
    gateway: ApiGateway,
    connection: String,
}

/// One client with a pool for all.
pub(crate) struct Pooled {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
}

/// One connection.
pub(crate) struct Bare {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    path: Uri,
}

/// As `broadcast` has it: one client for all connections.
pub(crate) fn ours(endpoint: &Endpoint, count: usize) -> Result<Vec<Ours>> {
    let caller = Caller {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
        // Those of Lambda have some hundred bytes.
        session_token: Some("T".repeat(900).into()),
    };
    let url = format!("https://127.0.0.1:{}/prod", endpoint.port()).parse()?;
    let gateway = ApiGateway::new(&url, Client::trusting(caller, endpoint.roots.clone()));
    let connections = (0..count).map(connection_id);
    Ok(connections.map(|connection| Ours { gateway: gateway.clone(), connection }).collect())
}

pub(crate) fn pooled(endpoint: &Endpoint, count: usize) -> Result<Vec<Pooled>> {
    let https =
        HttpsConnectorBuilder::new().with_tls_config(tls(endpoint)?).https_only().enable_http1().build();
    let client = legacy::Client::builder(TokioExecutor::new()).build(https);
    let poster = |nth| {
        let url = format!("https://127.0.0.1:{}{}", endpoint.port(), path(nth)).parse()?;
        Ok(Pooled { client: client.clone(), url })
    };
    (0..count).map(poster).collect()
}

pub(crate) async fn bare(endpoint: &Endpoint, count: usize) -> Result<Vec<Bare>> {
    let tls = TlsConnector::from(Arc::new(tls(endpoint)?));
    let mut posters = Vec::with_capacity(count);
    for nth in 0..count {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, endpoint.port())).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        let (sender, connection) = handshake(TokioIo::new(tls.connect(name, stream).await?)).await?;
        tokio::spawn(connection);
        let host = format!("127.0.0.1:{}", endpoint.port());
        posters.push(Bare { sender, host, path: path(nth).parse()? });
    }
    Ok(posters)
}

fn tls(endpoint: &Endpoint) -> Result<ClientConfig> {
    let tls = ClientConfig::builder_with_provider(ring::default_provider().into());
    let tls = tls.with_safe_default_protocol_versions()?.with_root_certificates(endpoint.roots.clone());
    Ok(tls.with_no_client_auth())
}

fn path(nth: usize) -> String {
    format!("/prod/@connections/{}", connection_id(nth).replace('=', "%3D"))
}

fn connection_id(nth: usize) -> String {
    format!("L0SM9cO{nth:04}CIhw=")
}

impl Poster for Ours {
    async fn post(&mut self) -> Result<()> {
        self.gateway.post(&self.connection, Message::event(MESSAGE)).await.context("a post")
    }
}

impl Poster for Pooled {
    async fn post(&mut self) -> Result<()> {
        let request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::new(MESSAGE))?;
        taken(self.client.request(request).await?).await
    }
}

impl Poster for Bare {
    async fn post(&mut self) -> Result<()> {
        let request = Request::post(self.path.clone())
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Full::new(MESSAGE))?;
        self.sender.ready().await?;
        taken(self.sender.send_request(request).await?).await
    }
}

async fn taken(reply: Response<Incoming>) -> Result<()> {
    ensure!(reply.status().is_success(), "{}", reply.status());
    reply.into_body().collect().await?;
    Ok(())
}
