//! What is not as it should be, and is not the database's fault.

use eventlog_testing::{InvokeError, fixture, trial, within};
use libtest_mimic::Trial;

use super::deployment::{Deployment, invoke};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_that_miss_a_variable_say_which", missing_variable),
        trial("functions_with_a_malformed_uri_say_so", malformed_uri),
        trial("functions_survive_what_is_no_request", no_request),
    ]
}

async fn fails_to_start(function: eventlog_testing::Function, part: &str) {
    let answer = within("an answer", function.deploy().invoke(b"{}")).await;
    let Err(InvokeError::Init { log, .. }) = answer else { panic!("{part}: {answer:?}") };
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(part), "{part} in {log}");
    assert!(!log.contains("hunter2"), "{log}");
}

async fn missing_variable() {
    let deployment = Deployment::on("mongodb://user:hunter2@127.0.0.1:1/?directConnection=true");
    for (name, variables) in [
        ("create-event", &["MONGODB_URI"][..]),
        ("list-events", &["MONGODB_URI"]),
        ("connect", &["MONGODB_URI", "WEBSOCKET_GATEWAY"]),
        ("disconnect", &["MONGODB_URI", "WEBSOCKET_GATEWAY"]),
        ("broadcast", &["MONGODB_URI", "WEBSOCKET_GATEWAY", "WEBSOCKET_ENDPOINT", "BROADCAST_MODE"]),
    ] {
        for variable in variables {
            let said = format!("the environment variable {variable} must be set");
            fails_to_start(deployment.function_without(name, variable), &said).await;
        }
    }
}

async fn malformed_uri() {
    let deployment = Deployment::on("mongodb://user:hunter2@");
    for name in ["create-event", "list-events", "connect", "disconnect", "broadcast"] {
        let said = "the MongoDB connection string is malformed";
        fails_to_start(deployment.function_without(name, ""), said).await;
    }
}

/// The next invocation is served, by the same process.
async fn no_request() {
    let deployment = Deployment::fresh();
    for (name, good) in [
        ("create-event", fixture("http-post-events")),
        ("list-events", fixture("http-get-event")),
        ("connect", fixture("websocket-connect")),
        ("disconnect", fixture("websocket-disconnect")),
        ("message", fixture("websocket-message")),
    ] {
        let lambda = deployment.deploy(name);
        for garbage in ["{}", "[]", "null", r#""text""#, "{", "", "\u{0}"] {
            let answer = within("an answer", lambda.invoke(garbage.as_bytes())).await;
            assert!(matches!(answer, Err(InvokeError::Function(_))), "{name}, {garbage:?}: {answer:?}");
        }
        let answer = invoke(&lambda, &good).await.expect(name);
        assert!(answer.status < 500, "{name}: {}", answer.body);
        assert_eq!(lambda.instances().len(), 1, "{name}");
    }
}
