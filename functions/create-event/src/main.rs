//! The Lambda function behind `POST /events`.

use std::convert::Infallible;

use eventlog_create_event::{Config, handle};
use eventlog_store_mongodb::{Database, Events};
use lambda_http::{Error, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    // As text: `main` prints an error in its `Debug` form, which is no sentence.
    let config = Config::from_vars(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let database = Database::open(&config.mongodb_uri).await.map_err(|error| error.to_string())?;
    let log = &Events::new(&database);
    run(service_fn(async |request| Ok::<_, Infallible>(handle(log, request).await))).await
}
