//! What one deployment shares: a database, a name of the gateway, an address to push to.

use eventlog_chain::{Event, Verifier};
use eventlog_testing::{Function, InvokeError, Lambda, binary, fixture, fresh_database, server, within};
use serde_json::Value;

use crate::client::{events_in, new_event};

pub(super) struct Deployment {
    pub(super) mongodb_uri: String,
    push_to: String,
}

impl Deployment {
    /// On an empty database.
    pub(super) fn fresh() -> Self {
        Self::on(server().expect("a server").uri())
    }

    /// On an empty database of the server with this connection string.
    pub(super) fn on(server: &str) -> Self {
        let (address, options) = server.split_once('?').unwrap_or((server, ""));
        let mongodb_uri = format!("{}/{}?{options}", address.trim_end_matches('/'), fresh_database());
        // Nobody listens on port 1.
        Self { mongodb_uri, push_to: "http://127.0.0.1:1/prod".into() }
    }

    pub(super) fn push_to(mut self, endpoint: &str) -> Self {
        self.push_to = endpoint.to_owned();
        self
    }

    /// A function of this deployment, `create-event` for example, without the variable `without`.
    pub(super) fn function_without(&self, name: &str, without: &str) -> Function {
        let environment = [
            ("MONGODB_URI", self.mongodb_uri.as_str()),
            ("WEBSOCKET_GATEWAY", "f6g7h8i9j0/prod"),
            ("WEBSOCKET_ENDPOINT", &self.push_to),
            ("BROADCAST_MODE", "trigger"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", "a token"),
        ];
        let environment = environment.into_iter().filter(|(name, _)| *name != without);
        let function = Function::new(binary(&format!("eventlog-{name}")));
        environment.fold(function, |function, (name, value)| function.env(name, value))
    }

    pub(super) fn deploy(&self, name: &str) -> Lambda {
        self.function_without(name, "").deploy()
    }
}

/// What API Gateway makes of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u64,
    pub(super) headers: Value,
    pub(super) body: String,
}

pub(super) async fn invoke(lambda: &Lambda, request: &Value) -> Result<Answer, InvokeError> {
    let answer = within("an answer", lambda.invoke(request.to_string().as_bytes())).await?;
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_ne!(answer["isBase64Encoded"], true, "these answers are short");
    Ok(Answer {
        status: answer["statusCode"].as_u64().expect("a status"),
        headers: answer["headers"].clone(),
        body: answer["body"].as_str().unwrap_or_default().to_owned(),
    })
}

pub(super) fn post_request(event_type: &str, payload: &str) -> Value {
    let mut request = fixture("http-post-events");
    request["body"] = new_event(event_type, payload).into();
    request
}

pub(super) fn get_request(path: &str, query: &str) -> Value {
    let mut request = fixture("http-get-event");
    request["rawPath"] = path.into();
    request["requestContext"]["http"]["path"] = path.into();
    request["rawQueryString"] = query.into();
    request
}

/// The event as it was acknowledged, or why it was not.
pub(super) async fn try_log(create: &Lambda, event_type: &str, payload: &str) -> Result<Event, InvokeError> {
    let answer = invoke(create, &post_request(event_type, payload)).await?;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let event = answer.body.strip_prefix(r#"{"message":"Event logged successfully","event":"#);
    let event = event.and_then(|rest| rest.strip_suffix('}')).expect("the answer's form");
    Ok(Event::from_json(event).expect("an event"))
}

pub(super) async fn log(create: &Lambda, event_type: &str, payload: &str) -> Event {
    try_log(create, event_type, payload).await.expect("an answer")
}

/// Reads the whole log; panics unless it is one chain without a fault that ends where `/chain` says.
pub(super) async fn check_log(list: &Lambda) -> Vec<Event> {
    let mut events = Vec::new();
    let mut verifier = Verifier::from_start();
    for page in 1.. {
        let request = get_request("/events", &format!("page={page}&limit=1000"));
        let answer = invoke(list, &request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let read = events_in(&answer.body);
        if read.is_empty() {
            break;
        }
        for event in read {
            verifier.check(&event).expect("an unbroken chain");
            events.push(event);
        }
    }
    let chain = invoke(list, &get_request("/chain", "")).await.expect("an answer");
    let chain: Value = serde_json::from_str(&chain.body).expect("JSON");
    assert_eq!(chain["length"], events.len());
    let hash = events.last().map(|event| event.current_hash.to_string()).unwrap_or_default();
    assert_eq!(chain["headHash"], hash);
    events
}
