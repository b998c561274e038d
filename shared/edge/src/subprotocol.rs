//! The WebSocket subprotocol, which a browser offers beside its token.

use lambda_http::aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;
use lambda_http::http::header::SEC_WEBSOCKET_PROTOCOL;

const SUBPROTOCOL: &str = "eventlog.v1";

/// Returns the subprotocol to open the WebSocket with: `eventlog.v1` if the client offers it. The header is a list and
/// may be repeated (RFC 6455, 11.3.4).
pub fn subprotocol(request: &ApiGatewayWebsocketProxyRequest) -> Option<&'static str> {
    let lines = [&request.multi_value_headers, &request.headers].into_iter();
    let mut lines = lines.flat_map(|headers| headers.get_all(SEC_WEBSOCKET_PROTOCOL));
    let offers = |line: &str| line.split(',').any(|offer| offer.trim() == SUBPROTOCOL);
    lines.any(|line| line.to_str().is_ok_and(offers)).then_some(SUBPROTOCOL)
}
