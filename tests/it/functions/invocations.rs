//! An HTTP endpoint in the place of Lambda's own, by which functions invoke functions.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use eventlog_testing::{Endpoint, Lambda, within};
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::Value;
use tokio::sync::watch;

/// Takes invocations down and has one function carry them out, whatever name it is called by; or refuses them.
pub(super) struct Invocations {
    endpoint: Endpoint,
    desk: Arc<Desk>,
}

#[derive(Default)]
struct Desk {
    function: OnceLock<Lambda>,
    /// By which name, and with what.
    calls: watch::Sender<Vec<(String, Value)>>,
    ended: watch::Sender<usize>,
}

impl Invocations {
    /// Refuses all until it is told what to invoke.
    pub(super) async fn start() -> Self {
        let desk: Arc<Desk> = Arc::default();
        let clerk = desk.clone();
        Self { endpoint: Endpoint::start(move |request| invoke(request, clerk.clone())).await, desk }
    }

    /// What `AWS_ENDPOINT_URL_LAMBDA` should be.
    pub(super) fn url(&self) -> String {
        self.endpoint.url()
    }

    pub(super) fn of(&self, function: &Lambda) {
        assert!(self.desk.function.set(function.clone()).is_ok(), "it is told once");
    }

    /// All that it was asked.
    pub(super) fn calls(&self) -> Vec<(String, Value)> {
        self.desk.calls.borrow().clone()
    }

    /// Waits until so many invocations have ended.
    pub(super) async fn have_ended(&self, count: usize) {
        let mut ended = self.desk.ended.subscribe();
        within("the end of invocations", ended.wait_for(|ended| *ended >= count)).await.expect("an endpoint");
    }
}

/// "Invoke" of the Lambda API reference, for an invocation that nobody waits for.
async fn invoke(request: Request<Bytes>, desk: Arc<Desk>) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!((request.method().as_str(), header("x-amz-invocation-type")), ("POST", Some("Event")));
    let signature = header("authorization").expect("it is signed");
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signature}");
    assert!(signature.contains("/eu-central-1/lambda/aws4_request,"), "{signature}");
    assert_eq!(header("x-amz-security-token"), Some("a token"));
    let path = request.uri().path();
    let name = path.strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
    let name = name.unwrap_or_else(|| panic!("not the path of an invocation: {path}")).to_owned();
    let payload = serde_json::from_slice(request.body()).expect("JSON");
    desk.calls.send_modify(|calls| calls.push((name, payload)));
    let function = desk.function.get().cloned();
    let status = if function.is_some() { 202 } else { 500 };
    if let Some(function) = function {
        tokio::spawn(async move {
            let answer = function.invoke(request.body()).await;
            assert_eq!(answer.expect("an answer"), b"null");
            desk.ended.send_modify(|ended| *ended += 1);
        });
    }
    Response::builder().status(status).body(Full::default()).expect("a response")
}
