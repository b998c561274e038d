//! What is not as it should be, and is not the database's fault.

use std::process::{Command, ExitStatus};

use eventlog_testing::{InvokeError, Lambda, binary, fixture, trial, within};
use libtest_mimic::Trial;
use serde_json::json;

use super::deployment::{Deployment, get_request, invoke, lines};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_that_miss_a_variable_say_which", missing_variable),
        trial("functions_with_a_malformed_variable_say_which", malformed_variable),
        trial("functions_outside_of_lambda_say_so", outside_of_lambda),
        trial("functions_survive_what_is_no_request", no_request),
        trial("functions_are_woken_by_anything", woken_by_anything),
    ]
}

/// How a function ends that cannot begin: before its first invocation or, as it asks for that first, during it.
pub(super) async fn end(name: &str, lambda: &Lambda) -> (ExitStatus, String) {
    let request = match name {
        "create-event" => fixture("http-post-events"),
        "list-events" => get_request("/health", ""),
        "connect" | "disconnect" => fixture(&format!("websocket-{name}")),
        _ => json!({}),
    };
    match within("an answer", lambda.invoke(request.to_string().as_bytes())).await {
        Err(InvokeError::Init { status, error: None, log } | InvokeError::Crashed { status, log }) => {
            (status, log)
        }
        other => panic!("{other:?}"),
    }
}

async fn fails_to_start(deployment: &Deployment, name: &str, part: &str) {
    let (status, log) = end(name, &deployment.deploy(name)).await;
    assert_eq!(status.code(), Some(1), "{name}: {log}");
    assert!(!log.contains("hunter2"), "{name}: {log}");
    let lines = lines(&log);
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()), "{name}: {log}");
    let message = lines[0]["fields"]["message"].as_str().expect("a message");
    assert!(message.contains(part), "{name}: {part} in {message}");
}

const ON_THE_DATABASE: [&str; 5] = ["create-event", "list-events", "connect", "disconnect", "broadcast"];

async fn missing_variable() {
    let deployment = Deployment::on("mongodb://user:hunter2@127.0.0.1:1/?directConnection=true");
    for name in ON_THE_DATABASE {
        let said = "the environment variable MONGODB_SECRET_ARN or MONGODB_URI must be set";
        fails_to_start(&deployment.clone().without("MONGODB_URI"), name, said).await;
    }
    for (name, variables) in [
        ("connect", &["WEBSOCKET_GATEWAY", "BROADCAST_MODE", "BROADCAST_FUNCTION"][..]),
        ("disconnect", &["WEBSOCKET_GATEWAY"]),
        ("broadcast", &["WEBSOCKET_GATEWAY", "WEBSOCKET_ENDPOINT", "BROADCAST_MODE", "POSTS_PER_SECOND"]),
        ("broadcast", &["AWS_ACCESS_KEY_ID"]),
    ] {
        for variable in variables {
            let said = format!("the environment variable {variable} must be set");
            fails_to_start(&deployment.clone().without(variable), name, &said).await;
        }
    }
}

async fn malformed_variable() {
    let deployment = Deployment::on("mongodb://user:hunter2@");
    for name in ON_THE_DATABASE {
        fails_to_start(&deployment, name, "the MongoDB connection string is malformed").await;
    }
    for (name, value) in [
        ("BROADCAST_MODE", "sometimes"),
        ("WEBSOCKET_ENDPOINT", "f6g7h8i9j0"),
        ("POSTS_PER_SECOND", "0"),
        ("AWS_ENDPOINT_URL_LAMBDA", "nonsense"),
    ] {
        let said = format!("the environment variable {name} must be");
        fails_to_start(&deployment.clone().with(name, value), "broadcast", &said).await;
    }
    let kept = deployment.without("MONGODB_URI").with("MONGODB_SECRET_ARN", "eventlog");
    let said = "the environment variable AWS_ENDPOINT_URL must be a URL";
    fails_to_start(&kept.with("AWS_ENDPOINT_URL", "nonsense"), "create-event", said).await;
}

/// A panic is one line of the log as well.
async fn outside_of_lambda() {
    let output = Command::new(binary("eventlog-message"))
        .env_clear()
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .output()
        .expect("an end");
    assert!(!output.status.success() && output.stderr.is_empty(), "{output:?}");
    let lines = lines(str::from_utf8(&output.stdout).expect("text"));
    assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()), "{lines:?}");
    assert!(lines[0]["timestamp"].is_string(), "without it Lambda takes any line for an INFO");
    let message = lines[0]["fields"]["message"].as_str().expect("a message");
    assert!(message.contains("AWS_LAMBDA_FUNCTION_NAME"), "{message}");
}

const NO_JSON: [&str; 4] = ["{", "", "\u{0}", "\"text"];

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
        for garbage in ["{}", "[]", "null", r#""text""#].into_iter().chain(NO_JSON) {
            let answer = within("an answer", lambda.invoke(garbage.as_bytes())).await;
            assert!(matches!(answer, Err(InvokeError::Function(_))), "{name}, {garbage:?}: {answer:?}");
        }
        let answer = invoke(&lambda, &good).await.expect(name);
        assert!(answer.status < 500, "{name}: {}", answer.body);
        assert_eq!(lambda.instances().len(), 1, "{name}");
    }
}

/// A wake-up carries nothing; what is no JSON never gets so far.
async fn woken_by_anything() {
    let broadcast = Deployment::fresh().deploy("broadcast");
    for anything in ["{}", "[]", "null", "1e999", r#"{"detail":{"detail":[{}]},"detail":1}"#] {
        let answer = within("a run", broadcast.invoke(anything.as_bytes())).await;
        assert_eq!(answer.expect(anything), b"null");
    }
    for garbage in NO_JSON {
        let answer = within("an answer", broadcast.invoke(garbage.as_bytes())).await;
        assert!(matches!(answer, Err(InvokeError::Function(_))), "{garbage:?}: {answer:?}");
    }
    assert_eq!(broadcast.instances().len(), 1);
}
