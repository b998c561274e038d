//! AWS Secrets Manager, as far as one secret is read from it.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::Endpoint;

/// What a question is answered with.
#[derive(Debug, Clone)]
pub enum SecretReply {
    /// The secret, a text.
    Text(String),
    /// The secret, binary.
    Binary,
    /// The name of an error, as "GetSecretValue" and "Common errors" of the API reference list them.
    Error(&'static str),
    /// HTTP status 503, and nothing of AWS's own.
    Unavailable,
    /// The secret, a text, in JSON that breaks off.
    Torn(String),
    /// Nothing, ever.
    Silence,
}

/// An endpoint for `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
pub struct SecretsManager {
    endpoint: Endpoint,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    replies: Mutex<VecDeque<SecretReply>>,
    questions: Mutex<Vec<SecretQuestion>>,
}

/// Of a question what matters.
#[derive(Debug, Clone)]
pub struct SecretQuestion {
    /// The header `authorization`.
    pub authorization: String,
    /// The header `x-amz-security-token`.
    pub token: String,
    /// The JSON of the body.
    pub body: Value,
}

impl SecretsManager {
    /// Gives these answers, one after the other, and the last of them again and again.
    pub async fn start(replies: impl IntoIterator<Item = SecretReply>) -> Self {
        let desk = Arc::new(Desk::default());
        let answering = desk.clone();
        let endpoint = Endpoint::start(move |request| answer(answering.clone(), request)).await;
        let started = Self { endpoint, desk };
        started.answer_with(replies);
        started
    }

    /// From now on these answers.
    pub fn answer_with(&self, replies: impl IntoIterator<Item = SecretReply>) {
        *self.desk.replies.lock().expect("no panic") = replies.into_iter().collect();
    }

    /// The endpoint's URL.
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// What it was asked so far.
    pub fn questions(&self) -> Vec<SecretQuestion> {
        self.desk.questions.lock().expect("no panic").clone()
    }
}

async fn answer(desk: Arc<Desk>, request: Request<Bytes>) -> Response<Full<Bytes>> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
    desk.questions.lock().expect("no panic").push(SecretQuestion {
        authorization: header("authorization").to_owned(),
        token: header("x-amz-security-token").to_owned(),
        body: serde_json::from_slice(request.body()).expect("JSON"),
    });
    let reply = {
        let mut replies = desk.replies.lock().expect("no panic");
        let next = replies.front().expect("an answer").clone();
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
            (status, json!({ "__type": name, "Message": "as it was told" }).to_string())
        }
        SecretReply::Unavailable => (503, "<html>".to_owned()),
        SecretReply::Torn(text) => (200, format!(r#"{{"SecretString":"{text}"#)),
        SecretReply::Silence => pending().await,
    };
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.body(Full::from(body)).expect("a response")
}
