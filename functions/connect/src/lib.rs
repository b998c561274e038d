//! WebSocket `$connect`: from here on the connection gets every new event that it wants, or every one after that which
//! it names.

mod broadcaster;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use eventlog_edge::{Problem, Subscription, answer, subprotocol, subscription};
use eventlog_ledger::broadcast::Wake;
use eventlog_ledger::{Connection, ConnectionStore, EventStore, Head, now};

pub use broadcaster::{Broadcaster, InvalidBroadcaster};

/// Accepts the connection, or says with the status why not.
pub async fn handle(
    log: &impl EventStore,
    connections: &impl ConnectionStore,
    broadcaster: &impl Wake,
    request: ApiGatewayWebsocketProxyRequest,
) -> ApiGatewayProxyResponse {
    let subprotocol = subprotocol(&request);
    match connect(log, connections, broadcaster, request).await {
        Ok(()) => answer::opened(subprotocol),
        Err(problem) => answer::websocket(Err(problem)),
    }
}

async fn connect(
    log: &impl EventStore,
    connections: &impl ConnectionStore,
    broadcaster: &impl Wake,
    request: ApiGatewayWebsocketProxyRequest,
) -> Result<(), Problem> {
    let Subscription { filter, after, batch } = subscription(&request)?;
    let id = request.request_context.connection_id.ok_or_else(Problem::internal)?;
    let position = match after {
        Some(after) => log.place(after).await?.ok_or_else(|| Problem::unknown_cursor("after"))? + 1,
        None => Head::next_seq(log.head().await?.as_ref()),
    };
    connections.add(Connection { id, connected_at: now(), filter, batch, position }).await?;
    // Whom an event woke that was logged before this connection was stored did not see it.
    // Where that cannot be told it may be so; the connection is there.
    let is_behind = log.head().await.map_or(true, |head| position < Head::next_seq(head.as_ref()));
    if is_behind {
        broadcaster.wake().await;
    }
    Ok(())
}
