//! The broadcaster: wakes up, reads the log, pushes to the WebSocket connections.

mod api_gateway;
mod config;

use std::time::{Duration, SystemTime};

use eventlog_ledger::broadcast::{Alarm, Push, Until, run};
use eventlog_ledger::{ConnectionStore, EventStore, StoreError, Timestamp, now};

pub use api_gateway::ApiGateway;
pub use config::{Config, InvalidConfig, Mode};

/// API Gateway closes a WebSocket after two hours; what is older was left behind.
const MAX_AGE_MILLIS: i64 = 130 * 60 * 1000;
/// What the end of a run may take: storing the positions, giving back the lease.
const LAST_ORDERS: Duration = Duration::from_secs(3);

/// Serves the connections until all are caught up (something wakes us for the next event) or, polling, until
/// shortly before `deadline`, when the schedule starts the next run. What woke the function is not looked at.
pub async fn handle(
    log: &impl EventStore,
    connections: &impl ConnectionStore,
    push: &impl Push,
    alarm: impl Alarm,
    mode: Mode,
    deadline: SystemTime,
) -> Result<(), StoreError> {
    if let Ok(before) = Timestamp::from_millis(now().millis() - MAX_AGE_MILLIS) {
        connections.sweep(before).await?;
    }
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    let until = match mode {
        Mode::Trigger => Until::CaughtUp,
        Mode::Polling => Until::Stopped,
    };
    run(log, connections, push, alarm, until, tokio::time::sleep(left.saturating_sub(LAST_ORDERS))).await
}
