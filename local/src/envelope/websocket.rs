//! WebSocket APIs, proxy integration (API Gateway developer guide, "WebSocket API mapping template reference").

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventlog_ledger::{Timestamp, new_id, now};
use hyper::http::request::Parts;
use serde::Serialize;

use super::{joined_headers, joined_parameters, request_time};
use crate::functions::WebSocketRoute;

/// One connection, as the envelope tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) connection_id: String,
    pub(crate) connected_at: Timestamp,
    pub(crate) ip: IpAddr,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'a str, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'a str, Vec<Cow<'a, str>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_query_string_parameters: Option<BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    route_key: &'static str,
    event_type: &'static str,
    extended_request_id: String,
    request_time: String,
    message_direction: &'static str,
    stage: &'static str,
    connected_at: i64,
    request_time_epoch: i64,
    identity: Identity,
    request_id: String,
    domain_name: &'static str,
    connection_id: &'a str,
    api_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_status_code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: IpAddr,
}

/// What `$connect` is called with.
pub(crate) fn connect(peer: &Peer, parts: &Parts) -> serde_json::Result<Vec<u8>> {
    let query = parts.uri.query().unwrap_or_default();
    let mut all_headers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        all_headers.entry(name.as_str()).or_default().push(String::from_utf8_lossy(value.as_bytes()));
    }
    let mut all_parameters: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        all_parameters.entry(name).or_default().push(value);
    }
    serde_json::to_vec(&Request {
        headers: Some(joined_headers(&parts.headers)),
        multi_value_headers: Some(all_headers),
        query_string_parameters: joined_parameters(query),
        multi_value_query_string_parameters: Some(all_parameters).filter(|all| !all.is_empty()),
        ..request(peer, WebSocketRoute::Connect)
    })
}

/// What `$default` is called with.
pub(crate) fn message(peer: &Peer, message: &[u8], is_binary: bool) -> serde_json::Result<Vec<u8>> {
    let body = if is_binary { STANDARD.encode(message).into() } else { String::from_utf8_lossy(message) };
    serde_json::to_vec(&Request {
        body: Some(body),
        is_base64_encoded: is_binary,
        ..request(peer, WebSocketRoute::Default)
    })
}

/// What `$disconnect` is called with.
pub(crate) fn disconnect(peer: &Peer, code: u16) -> serde_json::Result<Vec<u8>> {
    let mut request = request(peer, WebSocketRoute::Disconnect);
    request.request_context.disconnect_status_code = Some(code);
    request.request_context.disconnect_reason = Some("");
    serde_json::to_vec(&request)
}

fn request(peer: &Peer, route: WebSocketRoute) -> Request<'_> {
    let now = now();
    let (route_key, event_type) = match route {
        WebSocketRoute::Connect => ("$connect", "CONNECT"),
        WebSocketRoute::Disconnect => ("$disconnect", "DISCONNECT"),
        WebSocketRoute::Default => ("$default", "MESSAGE"),
    };
    let request_id = new_id().to_string();
    Request {
        headers: None,
        multi_value_headers: None,
        query_string_parameters: None,
        multi_value_query_string_parameters: None,
        request_context: RequestContext {
            route_key,
            event_type,
            extended_request_id: request_id.clone(),
            request_time: request_time(now),
            message_direction: "IN",
            stage: "local",
            connected_at: peer.connected_at.millis(),
            request_time_epoch: now.millis(),
            identity: Identity { source_ip: peer.ip },
            message_id: (route == WebSocketRoute::Default).then(|| new_id().to_string()),
            request_id,
            domain_name: "localhost",
            connection_id: &peer.connection_id,
            api_id: "local",
            disconnect_status_code: None,
            disconnect_reason: None,
        },
        body: None,
        is_base64_encoded: false,
    }
}

#[cfg(test)]
mod tests {
    use eventlog_testing::{fixture, shape};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_request_has_the_form_that_api_gateway_gives_it() {
        let peer = Peer { connection_id: "a=".into(), connected_at: now(), ip: IpAddr::from([127, 0, 0, 1]) };
        let (parts, ()) = hyper::Request::new(()).into_parts();
        for (name, envelope) in [
            ("websocket-connect", connect(&peer, &parts)),
            ("websocket-message", message(&peer, b"{}", false)),
            ("websocket-disconnect", disconnect(&peer, 1005)),
        ] {
            let envelope: Value = serde_json::from_slice(&envelope.expect("JSON")).expect("JSON");
            let expected = fixture(name);
            assert_eq!(shape(&envelope), shape(&expected), "{name}");
            for member in ["routeKey", "eventType"] {
                assert_eq!(envelope["requestContext"][member], expected["requestContext"][member], "{name}");
            }
        }
    }
}
