//! The Lambda function behind everything that is read.

use std::process::ExitCode;

use eventlog_aws::ConnectionString;
use eventlog_edge::BasePath;
use eventlog_lambda::{start, var};
use eventlog_list_events::handle;
use eventlog_store_mongodb::{Events, Lazy};
use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let base = BasePath::from_vars(var)?;
        let uri = ConnectionString::from_vars(var)?;
        let log = Lazy::new(move || uri.read(), Events::new);
        let serve = async |request| Ok::<_, Error>(handle(&*log.get().await?, &base, request).await);
        log.beside(run(service_fn(serve))).await
    })
    .await
}
