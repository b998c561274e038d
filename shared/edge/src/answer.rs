//! What goes right, as the client is told. With `problem.rs` the only place that knows HTTP status codes.

use eventlog_ledger::{Event, Head};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_TYPE, HeaderValue, LOCATION};

use crate::{Problem, Response};

/// The JSON of an answer has at most so many bytes.
pub const MAX_BYTES: usize = 4_000_000;

/// 201: the event was logged.
pub fn logged(event: &Event) -> Response {
    let mut body = String::with_capacity(event.json_len() + 64);
    body.push_str(r#"{"message":"Event logged successfully","event":"#);
    event.write_json(&mut body);
    body.push('}');
    let response = json(StatusCode::CREATED, body);
    match HeaderValue::try_from(format!("/events/{}", event.id)) {
        Ok(location) => response.with(LOCATION, location),
        Err(_) => response,
    }
}

/// 200: these events, as a bare array.
pub fn events(events: &[Event]) -> Response {
    let mut body = String::with_capacity(events.iter().map(|event| event.json_len() + 1).sum::<usize>() + 2);
    body.push('[');
    for (i, event) in events.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        event.write_json(&mut body);
    }
    body.push(']');
    json(StatusCode::OK, body)
}

/// 200: one event.
pub fn event(event: &Event) -> Response {
    json(StatusCode::OK, event.to_json())
}

/// 200: how long the chain is and where it ends.
pub fn chain(head: Option<&Head>) -> Response {
    let length = Head::next_seq(head);
    let body = match head {
        Some(Head { id, tip, .. }) => {
            format!(r#"{{"length":{length},"headId":"{id}","headHash":"{}"}}"#, tip.hash)
        }
        None => format!(r#"{{"length":{length},"headId":null,"headHash":""}}"#),
    };
    json(StatusCode::OK, body)
}

/// 200: the store answers.
pub fn healthy() -> Response {
    json(StatusCode::OK, r#"{"status":"ok"}"#.into())
}

/// The answer, or what is wrong.
pub fn or_problem(answer: Result<Response, Problem>) -> Response {
    answer.unwrap_or_else(Problem::into_response)
}

/// What a WebSocket function answers: for `$connect` the status decides, for a message the body is sent back.
pub fn websocket(answer: Result<Option<String>, Problem>) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(problem) => {
            response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
            (problem.status(), Some(problem.json()))
        }
    };
    response.status_code = i64::from(status.as_u16());
    response.body = body.map(Body::Text);
    response
}

fn json(status: StatusCode, body: String) -> Response {
    Response::new(status, "application/json", body)
}
