//! The Lambda function that pushes new events to the WebSocket connections.

use std::process::ExitCode;
use std::time::Duration;

use eventlog_aws::Client;
use eventlog_broadcast::{ApiGateway, Config, Mode, handle};
use eventlog_edge::{start, var};
use eventlog_ledger::EventStore;
use eventlog_ledger::broadcast::Every;
use eventlog_store_mongodb::{Connections, Database, Events, Lazy};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;

/// How often a triggered run looks for more while it is still sending.
const LOOK: Duration = Duration::from_millis(250);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let Config { uri, gateway, endpoint, mode, caller } = Config::from_vars(var)?;
        let open = move |database: &Database| {
            let connections = Connections::new(database, &gateway);
            (Events::new(database), connections, ApiGateway::new(&endpoint, Client::new(caller.clone())))
        };
        let stores = Lazy::new(move || uri.read(), open);
        let serve = async |wake_up: LambdaEvent<IgnoredAny>| {
            let (log, connections, push) = &*stores.get().await?;
            let deadline = wake_up.context.deadline();
            match mode {
                Mode::Trigger => handle(log, connections, push, Every::new(LOOK), mode, deadline).await?,
                Mode::Polling => handle(log, connections, push, log.alarm().await?, mode, deadline).await?,
            }
            Ok::<_, Error>(())
        };
        stores.beside(run(service_fn(serve))).await
    })
    .await
}
