//! The Lambda function that pushes new events to the WebSocket connections.

use std::time::Duration;

use eventlog_broadcast::{ApiGateway, Config, Mode, handle};
use eventlog_ledger::EventStore;
use eventlog_ledger::broadcast::Every;
use eventlog_store_mongodb::{Connections, Database, Events};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;

/// How often a triggered run looks for more while it is still sending.
const LOOK: Duration = Duration::from_millis(250);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    // As text: `main` prints an error in its `Debug` form, which is no sentence.
    let config = Config::from_vars(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let database = Database::open(&config.mongodb_uri).await.map_err(|error| error.to_string())?;
    let (log, push) = (&Events::new(&database), &ApiGateway::new(&config));
    let connections = &Connections::new(&database, &config.gateway);
    run(service_fn(async |wake_up: LambdaEvent<Value>| {
        let deadline = wake_up.context.deadline();
        match config.mode {
            Mode::Trigger => handle(log, connections, push, Every::new(LOOK), config.mode, deadline).await?,
            Mode::Polling => {
                handle(log, connections, push, log.alarm().await?, config.mode, deadline).await?
            }
        }
        Ok::<_, Error>(())
    }))
    .await
}
