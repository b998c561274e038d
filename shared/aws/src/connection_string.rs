//! The database's connection string: given, or kept in Secrets Manager.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use eventlog_lambda::{MissingVar, required};
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use serde::Deserialize;
use serde_json::json;

use crate::endpoint::endpoint;
use crate::{Caller, Client, InvalidEndpoint, Secret};

/// Secrets Manager answers within some 20 ms; somebody waits, for 30 s at most.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long to wait before each further attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Where the connection string is.
#[derive(Debug, Clone)]
pub enum ConnectionString {
    /// In the environment: a local run.
    Given(Secret),
    /// In Secrets Manager, as all that the secret holds.
    Kept(Kept),
}

/// What it takes to ask Secrets Manager.
#[derive(Debug, Clone)]
pub struct Kept {
    arn: String,
    endpoint: Uri,
    caller: Caller,
}

/// The environment does not say where the connection string is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingConnectionString {
    /// Neither variable is set.
    #[error("the environment variable MONGODB_SECRET_ARN or MONGODB_URI must be set")]
    Both,
    /// The endpoint of Secrets Manager is no URL.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
    /// What Lambda sets is not there.
    #[error(transparent)]
    Caller(#[from] MissingVar),
}

/// The secret cannot be read, or is no connection string. Nothing that was read is repeated.
#[derive(Debug, thiserror::Error)]
#[error("the secret {arn} {reason}")]
pub struct UnreadableSecret {
    arn: String,
    reason: String,
}

impl ConnectionString {
    /// `MONGODB_URI`, the connection string itself; without it `MONGODB_SECRET_ARN`, the ARN or name of the secret,
    /// with what [`Caller`] reads and, for another endpoint than the region's own,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER` or `AWS_ENDPOINT_URL`. An empty variable counts as not set, so a template that names the secret can leave room for the
    /// `MONGODB_URI` of a local run.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MissingConnectionString> {
        let var = |name| required(&lookup, name).ok();
        if let Some(uri) = var("MONGODB_URI") {
            return Ok(Self::Given(uri.into()));
        }
        let arn = var("MONGODB_SECRET_ARN").ok_or(MissingConnectionString::Both)?;
        let caller = Caller::from_vars(&lookup)?;
        let own = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
        let endpoint = endpoint(&lookup, own, "secretsmanager", &caller.region)?;
        Ok(Self::Kept(Kept { arn, endpoint, caller }))
    }

    /// The connection string as it is now.
    pub fn read(&self) -> impl Future<Output = Result<Secret, UnreadableSecret>> + Send + use<> {
        let place = self.clone();
        async move {
            match place {
                Self::Given(uri) => Ok(uri),
                Self::Kept(kept) => {
                    kept.read().await.map_err(|reason| UnreadableSecret { arn: kept.arn, reason })
                }
            }
        }
    }
}

/// Of the answer of GetSecretValue what matters: `SecretString` is not there if the secret is binary.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    secret_string: Option<String>,
}

/// An error of the protocol "AWS JSON 1.1".
#[derive(Deserialize, Default)]
struct Fault {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", default)]
    message: String,
}

/// Why there is no secret, and whether that may pass.
struct Failed {
    reason: String,
    may_pass: bool,
}

impl Kept {
    async fn read(&self) -> Result<Secret, String> {
        let client = Client::new(self.caller.clone());
        let mut pauses = PAUSES.into_iter();
        let body = loop {
            match (self.ask(&client).await, pauses.next()) {
                (Ok(body), _) => break body,
                (Err(Failed { reason, may_pass: true }), Some(pause)) => {
                    tracing::warn!("the secret {} cannot be read yet: {reason}", self.arn);
                    tokio::time::sleep(pause).await;
                }
                (Err(Failed { reason, .. }), _) => return Err(format!("cannot be read: {reason}")),
            }
        };
        // What the parser says could hold some of what it read.
        let value: Value = serde_json::from_slice(&body)
            .map_err(|_| "cannot be read: it came in a form that is not known")?;
        let text = value.secret_string.ok_or("is binary; it must be the connection string")?;
        let text = text.trim();
        if !["mongodb://", "mongodb+srv://"].iter().any(|scheme| text.starts_with(scheme)) {
            // Made in the console, with names and values, it is JSON by default.
            return Err("must be the connection string alone, mongodb://… or mongodb+srv://…".into());
        }
        Ok(text.to_owned().into())
    }

    /// The body of the answer of GetSecretValue.
    async fn ask(&self, client: &Client) -> Result<Bytes, Failed> {
        let request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .body(json!({ "SecretId": self.arn }).to_string().into());
        let request = request.map_err(|error| Failed { reason: error.to_string(), may_pass: false })?;
        let reply = client.send("secretsmanager", request, ATTEMPT).await;
        let reply = reply.map_err(|error| Failed { reason: error.to_string(), may_pass: true })?;
        if reply.status().is_success() {
            return Ok(reply.into_body());
        }
        let Fault { kind, message } = serde_json::from_slice(reply.body()).unwrap_or_default();
        // Before the name can stand the namespace.
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let may_pass = reply.status().is_server_error() || kind.starts_with("Throttling");
        Err(Failed { reason: format!("{}: {kind}: {message}", reply.status()), may_pass })
    }
}
