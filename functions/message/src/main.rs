//! The Lambda function behind WebSocket `$default`.

use std::convert::Infallible;
use std::process::ExitCode;

use eventlog_lambda::start;
use eventlog_message::handle;
use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let serve = async |request: LambdaEvent<_>| Ok::<_, Infallible>(handle(&request.payload));
    start(run(service_fn(serve))).await
}
