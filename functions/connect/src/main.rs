//! The Lambda function behind WebSocket `$connect`.

use std::process::ExitCode;

use eventlog_aws::ConnectionString;
use eventlog_connect::{Broadcaster, handle};
use eventlog_lambda::{required, start, var};
use eventlog_store_mongodb::{Connections, Database, Events, Lazy};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let uri = ConnectionString::from_vars(var)?;
        let gateway = required(var, "WEBSOCKET_GATEWAY")?;
        let broadcaster = Broadcaster::from_vars(var)?;
        let open = move |database: &Database| (Events::new(database), Connections::new(database, &gateway));
        let stores = Lazy::new(move || uri.read(), open);
        let serve = async |request: LambdaEvent<_>| {
            let (log, connections) = &*stores.get().await?;
            Ok::<_, Error>(handle(log, connections, &broadcaster, request.payload).await)
        };
        stores.beside(run(service_fn(serve))).await
    })
    .await
}
