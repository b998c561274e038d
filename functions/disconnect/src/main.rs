//! The Lambda function behind WebSocket `$disconnect`.

use std::process::ExitCode;

use eventlog_aws::ConnectionString;
use eventlog_disconnect::handle;
use eventlog_lambda::{required, start, var};
use eventlog_store_mongodb::{Connections, Database, Lazy};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let uri = ConnectionString::from_vars(var)?;
        let gateway = required(var, "WEBSOCKET_GATEWAY")?;
        let open = move |database: &Database| Connections::new(database, &gateway);
        let connections = Lazy::new(move || uri.read(), open);
        let serve = async |request: LambdaEvent<_>| {
            Ok::<_, Error>(handle(&*connections.get().await?, request.payload).await)
        };
        connections.beside(run(service_fn(serve))).await
    })
    .await
}
