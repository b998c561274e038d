//! WebSocket `$default`: what a client says to us, which is not much.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use eventlog_edge::answer;
use serde_json::{Value, json};

/// Answers `{"action":"ping"}` with `{"action":"pong"}`, anything else with an error message; API Gateway
/// sends the body to the client.
pub fn handle(request: &ApiGatewayWebsocketProxyRequest) -> ApiGatewayProxyResponse {
    let is_text = !request.is_base64_encoded;
    let reply = reply_to(request.body.as_deref().filter(|_| is_text));
    answer::websocket(Ok(Some(reply.to_string())))
}

fn reply_to(message: Option<&str>) -> Value {
    let error = |message: &str| json!({ "action": "error", "message": message });
    let Some(text) = message else { return error("a message must be text") };
    let Ok(message) = serde_json::from_str::<Value>(text) else { return error("a message must be JSON") };
    match message.get("action").and_then(Value::as_str) {
        Some("ping") => json!({ "action": "pong" }),
        Some(_) => error("this action is not known; known is: ping"),
        None => error("a message must have an action, a string"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(message: Option<&str>) -> String {
        reply_to(message)["action"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn the_reply_is_the_body() {
        let request =
            serde_json::from_value(eventlog_testing::fixture("websocket-message")).expect("a request");
        let response = handle(&request);
        assert_eq!(response.status_code, 200);
        assert_eq!(serde_json::to_value(response.body).expect("a body"), r#"{"action":"pong"}"#);
    }

    #[test]
    fn ping_is_answered_and_the_rest_is_an_error() {
        assert_eq!(action(Some(r#"{"action":"ping"}"#)), "pong");
        let deep = "[".repeat(100_000);
        for other in [
            None,
            Some(""),
            Some("ping"),
            Some("[]"),
            Some(r#"{"action":1}"#),
            Some(r#"{"action":"x"}"#),
            Some(&deep),
        ] {
            assert_eq!(action(other), "error");
        }
    }
}
