//! Bad input ends in a clear 4xx and is not stored; good input comes back as it was sent.

mod bodies;
mod endless;
mod pages;
pub(crate) mod properties;
mod queries;
pub(crate) mod raw;
mod requests;
pub(crate) mod sizes;
pub(crate) mod sockets;
mod subscriptions;
mod wire;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::system::System;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = bodies::trials();
    for more in [
        requests::trials,
        queries::trials,
        sizes::trials,
        pages::trials,
        properties::trials,
        wire::trials,
        sockets::trials,
        subscriptions::trials,
        endless::trials,
    ] {
        trials.extend(more());
    }
    trials
}

/// Panics unless the answer is an RFC 9457 problem of this status that tells nothing of the inside.
pub(crate) fn assert_problem(answer: &Answer, status: u16, case: &str) -> Value {
    assert_eq!(answer.status, status, "{case}: {}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{case}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{case}: {problem}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{case}: {problem}");
    }
    for inside in ["panicked", ".rs:", "serde", "sqlite", "hyper"] {
        assert!(!answer.body.contains(inside), "{case}: {problem}");
    }
    problem
}

/// Where the problem's `errors` point to.
pub(crate) fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect()
}

/// The server has logged nothing, and still logs.
pub(crate) async fn assert_untouched(system: &System) {
    let mut client = system.client().await;
    assert_eq!(client.get("/chain").await.body, r#"{"length":0,"headId":null,"headHash":""}"#);
    let logged = client.log("good", "{}").await;
    assert_eq!(client.check_log().await, [logged]);
}

/// The server still logs for a new client, and the chain is whole.
async fn assert_well(system: &System) -> usize {
    let mut client: Client = system.client().await;
    let logged = client.log("still here", "{}").await;
    let log = client.check_log().await;
    assert_eq!(log.last(), Some(&logged));
    log.len()
}
