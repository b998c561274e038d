//! WebSocket `$disconnect`: forgets the connection. API Gateway does not promise to call it; what is left
//! behind is found gone at the next push, or swept.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use eventlog_edge::{MissingVar, Problem, answer, required};
use eventlog_ledger::ConnectionStore;

/// What the function is told by its environment.
#[derive(Debug)]
pub struct Config {
    /// `MONGODB_URI`.
    pub mongodb_uri: String,
    /// `WEBSOCKET_GATEWAY`: a name that connect, disconnect and broadcast of one deployment share.
    pub gateway: String,
}

impl Config {
    /// Reads the variables.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVar> {
        Ok(Self {
            mongodb_uri: required(&lookup, "MONGODB_URI")?,
            gateway: required(&lookup, "WEBSOCKET_GATEWAY")?,
        })
    }
}

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
