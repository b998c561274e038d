//! The Lambda function behind WebSocket `$disconnect`.

use std::convert::Infallible;

use eventlog_disconnect::{Config, handle};
use eventlog_store_mongodb::{Connections, Database};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    // As text: `main` prints an error in its `Debug` form, which is no sentence.
    let config = Config::from_vars(|name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let database = Database::open(&config.mongodb_uri).await.map_err(|error| error.to_string())?;
    let connections = &Connections::new(&database, &config.gateway);
    run(service_fn(async |request: LambdaEvent<_>| {
        Ok::<_, Infallible>(handle(connections, request.payload).await)
    }))
    .await
}
