//! WebSocket `$connect`: from here on the connection gets every new event.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use eventlog_edge::{Problem, answer};
use eventlog_ledger::{Connection, ConnectionStore, EventStore, Head, now};

/// Accepts the connection, or says with the status why not.
pub async fn handle(
    log: &impl EventStore,
    connections: &impl ConnectionStore,
    request: ApiGatewayWebsocketProxyRequest,
) -> ApiGatewayProxyResponse {
    answer::websocket(connect(log, connections, request).await.map(|()| None))
}

async fn connect(
    log: &impl EventStore,
    connections: &impl ConnectionStore,
    request: ApiGatewayWebsocketProxyRequest,
) -> Result<(), Problem> {
    if let Some((name, _)) = request.query_string_parameters.iter().next() {
        return Err(Problem::invalid_query(format!("The parameter {name:?} is not known here.")));
    }
    let id = request.request_context.connection_id.ok_or_else(Problem::internal)?;
    let position = Head::next_seq(log.head().await?.as_ref());
    connections.add(Connection { id, connected_at: now(), position }).await?;
    Ok(())
}
