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
