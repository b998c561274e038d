//! A stand-in for AWS Secrets Manager that serves one secret.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::Endpoint;

/// A reply to `GetSecretValue`.
#[derive(Debug, Clone)]
pub enum SecretReply {
    /// The secret as a text.
    Text(String),
    /// A binary secret.
    Binary,
    /// An error by its name in the API reference, "GetSecretValue" or "Common errors".
    Error(&'static str),
    /// HTTP status 503 with a body that AWS does not define.
    Unavailable,
    /// The secret in truncated JSON.
    Torn(String),
    /// No reply.
    Silence,
}

/// A server for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
pub struct SecretsManager {
    endpoint: Endpoint,
    exchange: Arc<Exchange>,
}

/// The replies to come and the requests so far.
#[derive(Default)]
struct Exchange {
    replies: Mutex<VecDeque<SecretReply>>,
    requests: Mutex<Vec<SecretRequest>>,
}

/// The relevant parts of a request.
#[derive(Debug, Clone)]
pub struct SecretRequest {
    /// The header `authorization`.
    pub authorization: String,
    /// The header `x-amz-security-token`.
    pub token: String,
    /// The JSON of the body.
    pub body: Value,
}

impl SecretsManager {
    /// Starts a server that sends these replies in order, then the last one for all further requests.
    pub async fn start(replies: impl IntoIterator<Item = SecretReply>) -> Self {
        let exchange = Arc::new(Exchange::default());
        let shared = exchange.clone();
        let endpoint = Endpoint::start(move |request| reply(shared.clone(), request)).await;
        let manager = Self { endpoint, exchange };
        manager.set_replies(replies);
        manager
    }

    /// Replaces the replies to come.
    pub fn set_replies(&self, replies: impl IntoIterator<Item = SecretReply>) {
        *self.exchange.replies.lock().expect("no panic") = replies.into_iter().collect();
    }

    /// Returns the URL of the server.
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<SecretRequest> {
        self.exchange.requests.lock().expect("no panic").clone()
    }
}

async fn reply(exchange: Arc<Exchange>, request: Request<Bytes>) -> Response<Full<Bytes>> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
    exchange.requests.lock().expect("no panic").push(SecretRequest {
        authorization: header("authorization").to_owned(),
        token: header("x-amz-security-token").to_owned(),
        body: serde_json::from_slice(request.body()).expect("JSON"),
    });
    let reply = {
        let mut replies = exchange.replies.lock().expect("no panic");
        let next = replies.front().expect("a reply").clone();
        if replies.len() > 1 {
            replies.pop_front();
        }
        next
    };
    let (status, body) = match reply {
        SecretReply::Text(text) => (200, json!({ "Name": "eventlog", "SecretString": text }).to_string()),
        SecretReply::Binary => {
            (200, json!({ "Name": "eventlog", "SecretBinary": "aHVudGVyMg==" }).to_string())
        }
        SecretReply::Error(name) => {
            let status = if name == "InternalServiceError" { 500 } else { 400 };
            (status, json!({ "__type": name, "Message": "injected error" }).to_string())
        }
        SecretReply::Unavailable => (503, "<html>".to_owned()),
        SecretReply::Torn(text) => (200, format!(r#"{{"SecretString":"{text}"#)),
        SecretReply::Silence => pending().await,
    };
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.body(Full::from(body)).expect("a response")
}
