//! What one deployment shares: a database, a name of the gateway, an address to push to.

use std::collections::BTreeMap;

use eventlog_chain::{Event, Verifier};
use eventlog_testing::{Function, InvokeError, Lambda, binary, fixture, fresh_database, server, within};
use serde_json::Value;

use crate::client::{events_in, new_event};

/// The environment of its functions.
#[derive(Clone)]
pub(crate) struct Deployment(BTreeMap<&'static str, String>);

impl Deployment {
    /// On an empty database.
    pub(crate) fn fresh() -> Self {
        Self::on(server().expect("a server").uri())
    }

    /// On an empty database of the server with this connection string.
    pub(crate) fn on(server: &str) -> Self {
        let uri = database_on(server);
        let environment = [
            ("MONGODB_URI", uri.as_str()),
            ("WEBSOCKET_GATEWAY", "f6g7h8i9j0/prod"),
            // Nobody listens on port 1.
            ("WEBSOCKET_ENDPOINT", "http://127.0.0.1:1/prod"),
            ("BROADCAST_MODE", "trigger"),
            ("BROADCAST_FUNCTION", "Broadcast"),
            ("POSTS_PER_SECOND", "5000"),
            ("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", "a token"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ];
        Self(environment.map(|(name, value)| (name, value.to_owned())).into())
    }

    pub(crate) fn mongodb_uri(&self) -> &str {
        &self.0["MONGODB_URI"]
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// A function of this deployment, `create-event` for example.
    pub(crate) fn function(&self, name: &str) -> Function {
        let function = Function::new(binary(&format!("eventlog-{name}")));
        self.0.iter().fold(function, |function, (name, value)| function.env(name, value))
    }

    pub(crate) fn deploy(&self, name: &str) -> Lambda {
        self.function(name).deploy()
    }
}

/// The connection string of an empty database of a server.
pub(crate) fn database_on(server: &str) -> String {
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    format!("{}/{}?{options}", address.trim_end_matches('/'), fresh_database())
}

/// The lines that a function logged, each of which must be JSON.
pub(crate) fn lines(log: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(parse).collect()
}

/// What API Gateway makes of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: String,
}

pub(crate) async fn invoke(lambda: &Lambda, request: &Value) -> Result<Answer, InvokeError> {
    let answer = within("an answer", lambda.invoke(request.to_string().as_bytes())).await?;
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    assert_ne!(answer["isBase64Encoded"], true, "these answers are short");
    Ok(Answer {
        status: answer["statusCode"].as_u64().expect("a status"),
        headers: answer["headers"].clone(),
        body: answer["body"].as_str().unwrap_or_default().to_owned(),
    })
}

pub(crate) fn post_request(event_type: &str, payload: &str) -> Value {
    let mut request = fixture("http-post-events");
    request["body"] = new_event(event_type, payload).into();
    request
}

pub(crate) fn get_request(path: &str, query: &str) -> Value {
    let mut request = fixture("http-get-event");
    request["rawPath"] = path.into();
    request["requestContext"]["http"]["path"] = path.into();
    request["rawQueryString"] = query.into();
    request
}

/// The event as it was acknowledged, or why it was not.
pub(crate) async fn try_log(create: &Lambda, event_type: &str, payload: &str) -> Result<Event, InvokeError> {
    let answer = invoke(create, &post_request(event_type, payload)).await?;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Ok(Event::from_json(logged(&answer)).expect("an event"))
}

/// The JSON of the event in a 201.
pub(crate) fn logged(answer: &Answer) -> &str {
    let event = answer.body.strip_prefix(r#"{"message":"Event logged successfully","event":"#);
    event.and_then(|rest| rest.strip_suffix('}')).expect("the answer's form")
}

pub(crate) async fn log(create: &Lambda, event_type: &str, payload: &str) -> Event {
    try_log(create, event_type, payload).await.expect("an answer")
}

/// Reads the whole log; panics unless it is one chain without a fault that ends where `/chain` says.
pub(crate) async fn check_log(list: &Lambda) -> Vec<Event> {
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
