//! The opening handshake (RFC 6455, 4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventlog_edge::{Problem, decoded, single};
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::reply::{Reply, problem_reply};

/// Whether the client asks for a WebSocket.
pub(crate) fn is_upgrade<B>(request: &Request<B>) -> bool {
    let upgrade = request.headers().get(UPGRADE).map(HeaderValue::as_bytes);
    request.method() == Method::GET && upgrade.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket"))
}

/// The refusal of a handshake.
pub(super) fn refuse(problem: Problem) -> Reply {
    let mut refusal = problem_reply(problem);
    // What a 426 must have (RFC 9110, 15.5.22; RFC 6455, 4.4) does no harm elsewhere.
    for (name, value) in [(CONNECTION, "upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_VERSION, "13")] {
        refusal.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    refusal
}

/// The reply that opens the socket, or what is wrong with the handshake.
pub(super) fn accept(parts: &Parts) -> Result<Reply, Problem> {
    let mut tokens =
        parts.headers.get_all(CONNECTION).iter().flat_map(|all| all.as_bytes().split(|c| *c == b','));
    let asks = tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    if !asks || parts.version < Version::HTTP_11 {
        return Err(Problem::bad_request("A WebSocket handshake needs HTTP/1.1 and Connection: Upgrade."));
    }
    let mut versions = parts.headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
        return Err(Problem::upgrade_required());
    }
    let key = single(&parts.headers, &SEC_WEBSOCKET_KEY)?;
    let Some(key) = key.filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)) else {
        return Err(Problem::bad_request(
            "A WebSocket handshake needs a Sec-WebSocket-Key of 16 bytes in base64.",
        ));
    };
    // What the function is given is decoded, and could not tell.
    decoded(parts.uri.query().unwrap_or_default())?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).map_err(|_| Problem::internal())?;
    let mut reply = Reply::default();
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok(reply)
}
