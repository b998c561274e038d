//! The Lambda function that pushes new events to the WebSocket connections.

use std::process::ExitCode;
use std::time::Duration;

use eventlog_aws::Client;
use eventlog_broadcast::{ApiGateway, Broadcast, Config, Known, WakeUp};
use eventlog_lambda::{Mode, start, var};
use eventlog_ledger::EventStore;
use eventlog_ledger::broadcast::Every;
use eventlog_store_mongodb::{Connections, Database, Events, Lazy};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;

/// How often a triggered run looks for more while it is still sending.
const LOOK: Duration = Duration::from_millis(250);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let Config { uri, gateway, endpoint, mode, posts_per_second, caller, colleagues } =
            Config::from_vars(var)?;
        let open = move |database: &Database| Broadcast {
            log: Events::new(database),
            connections: Connections::new(database, &gateway),
            push: ApiGateway::new(&endpoint, Client::new(caller.clone())),
            posts_per_second,
            colleagues: colleagues.clone(),
            known: Known::default(),
        };
        let broadcast = Lazy::new(move || uri.read(), open);
        let serve = async |request: LambdaEvent<Box<RawValue>>| {
            let (broadcast, deadline) = (broadcast.get().await?, request.context.deadline());
            let wake_up = WakeUp::read(request.payload.get());
            match mode {
                Mode::Trigger => {
                    broadcast.handle(wake_up, async || Ok(Every::new(LOOK)), mode, deadline).await?
                }
                Mode::Polling => {
                    broadcast.handle(wake_up, async || broadcast.log.alarm().await, mode, deadline).await?
                }
            }
            Ok::<_, Error>(())
        };
        broadcast.beside(run(service_fn(serve))).await
    })
    .await
}
