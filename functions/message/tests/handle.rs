//! The function as Lambda calls it.

use eventlog_message::handle;
use eventlog_testing::fixture;
use serde_json::{Value, json};

/// The action of the reply to a message, which is the body of the answer.
fn action(body: Value, is_base64_encoded: bool) -> String {
    let mut request = fixture("websocket-message");
    request["body"] = body;
    request["isBase64Encoded"] = is_base64_encoded.into();
    let response = handle(&serde_json::from_value(request).expect("a request"));
    assert_eq!(response.status_code, 200);
    let body = serde_json::to_value(response.body).expect("a body");
    let reply: Value = serde_json::from_str(body.as_str().expect("a text")).expect("JSON");
    assert_eq!(reply["action"] == "error", reply["message"].is_string());
    reply["action"].as_str().expect("an action").to_owned()
}

#[test]
fn ping_is_answered_with_pong() {
    assert_eq!(action(json!(r#"{"action":"ping"}"#), false), "pong");
}

#[test]
fn anything_else_is_an_error() {
    let deep = "[".repeat(100_000);
    for text in ["", "ping", "[]", "{}", r#"{"action":1}"#, r#"{"action":"x"}"#, &deep] {
        assert_eq!(action(json!(text), false), "error");
    }
    assert_eq!(action(Value::Null, false), "error");
    assert_eq!(action(json!("eyJhY3Rpb24iOiJwaW5nIn0="), true), "error", "a binary message");
}
