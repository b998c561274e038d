//! The Lambda function behind WebSocket `$default`.

use std::convert::Infallible;

use eventlog_message::handle;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    run(service_fn(async |request: LambdaEvent<_>| Ok::<_, Infallible>(handle(&request.payload)))).await
}
