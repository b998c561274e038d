//! What goes right, as the client is told. With `problem.rs` the only place that knows HTTP status codes.

use eventlog_ledger::verify::{InvalidEvent, Verified};
use eventlog_ledger::{Event, Head};
use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{
    CONTENT_TYPE, HeaderName, HeaderValue, LINK, LOCATION, SEC_WEBSOCKET_PROTOCOL,
};

use crate::listing::query_string;
use crate::{Listing, Part, Problem, Response};

/// Not registered, and widely used.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

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

/// 201: the events were logged.
pub fn logged_all(events: &[Event]) -> Response {
    let mut body = String::from(r#"{"message":"Events logged successfully","events":"#);
    write_array(events, &mut body);
    body.push('}');
    json(StatusCode::CREATED, body)
}

/// 200: these events, as a bare array, with what leads on from them.
pub fn events(events: &[Event], listing: &Listing, links: &Links) -> Response {
    let mut body = String::new();
    write_array(events, &mut body);
    let mut response = json(StatusCode::OK, body);
    if let Ok(link) = HeaderValue::try_from(links.header(listing)) {
        response = response.with(LINK, link);
    }
    match links.total {
        Some(total) => response.with(TOTAL_COUNT, HeaderValue::from(total)),
        None => response,
    }
}

fn write_array(events: &[Event], body: &mut String) {
    body.reserve(events.iter().map(|event| event.json_len() + 1).sum::<usize>() + 3);
    body.push('[');
    for (i, event) in events.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        event.write_json(body);
    }
    body.push(']');
}

/// The other parts of a list (RFC 8288), where there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The part before this one, in the order of the list.
    pub prev: Option<Part>,
    /// The part behind it.
    pub next: Option<Part>,
    /// The last numbered page.
    pub last: Option<u64>,
    /// How many events the whole list has.
    pub total: Option<u64>,
}

impl Links {
    fn header(&self, listing: &Listing) -> String {
        let parts = [
            ("first", Some(Part::Page(1))),
            ("prev", self.prev),
            ("next", self.next),
            ("last", self.last.map(Part::Page)),
        ];
        let links = parts.into_iter().filter_map(|(rel, part)| {
            // Relative to the URL of the request, so that it holds behind any prefix.
            Some(format!("<?{}>; rel=\"{rel}\"", query_string(listing, part?)))
        });
        links.collect::<Vec<_>>().join(", ")
    }
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

/// 200: how much of the chain was found good, and what was not.
pub fn verified(verified: &Verified) -> Response {
    let Verified { checked, last, has_more, invalid, .. } = verified;
    let body = match invalid {
        Some(InvalidEvent { id, reason }) => {
            let id = id.map(|id| id.to_string());
            let invalid = serde_json::json!({ "_id": id, "reason": reason });
            format!(r#"{{"valid":false,"checked":{checked},"firstInvalid":{invalid}}}"#)
        }
        None => {
            let next = last.filter(|_| *has_more).map_or("null".into(), |id| format!("\"{id}\""));
            format!(r#"{{"valid":true,"checked":{checked},"next":{next}}}"#)
        }
    };
    json(StatusCode::OK, body)
}

/// 200: the store answers.
pub fn healthy() -> Response {
    json(StatusCode::OK, r#"{"status":"ok"}"#.into())
}

/// 200: this API as OpenAPI has it (media type: RFC 9512).
pub fn specification() -> Response {
    Response::new(StatusCode::OK, "application/yaml", include_str!("../../../openapi.yaml").into())
}

/// The answer, or what is wrong.
pub fn or_problem(answer: Result<Response, Problem>) -> Response {
    answer.unwrap_or_else(Problem::into_response)
}

/// Lets a WebSocket open. API Gateway passes the subprotocol on, and no other header.
pub fn opened(subprotocol: Option<&'static str>) -> ApiGatewayProxyResponse {
    let mut response = websocket(Ok(None));
    if let Some(name) = subprotocol {
        response.headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    response
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
