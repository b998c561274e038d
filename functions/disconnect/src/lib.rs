//! WebSocket `$disconnect`: forgets the connection. API Gateway does not promise to call it; what is left
//! behind is found gone at the next push, or swept.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use eventlog_edge::{Problem, answer};
use eventlog_ledger::ConnectionStore;

/// Forgets the connection.
pub async fn handle(
    connections: &impl ConnectionStore,
    request: ApiGatewayWebsocketProxyRequest,
) -> ApiGatewayProxyResponse {
    answer::websocket(disconnect(connections, request).await.map(|()| None))
}

async fn disconnect(
    connections: &impl ConnectionStore,
    request: ApiGatewayWebsocketProxyRequest,
) -> Result<(), Problem> {
    let id = request.request_context.connection_id.ok_or_else(Problem::internal)?;
    connections.remove(&id).await?;
    Ok(())
}
