//! The Lambda function behind `POST /events`.

use std::process::ExitCode;

use eventlog_aws::ConnectionString;
use eventlog_create_event::handle;
use eventlog_lambda::{start, var};
use eventlog_store_mongodb::{Events, Lazy};
use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    start(async {
        let uri = ConnectionString::from_vars(var)?;
        let log = Lazy::new(move || uri.read(), Events::new);
        let serve = async |request| Ok::<_, Error>(handle(&*log.get().await?, request).await);
        log.beside(run(service_fn(serve))).await
    })
    .await
}
