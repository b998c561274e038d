//! Tests as values. Their list is made at run time, so that tests without their server are reported as ignored.

use std::future::Future;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::{Server, ferretdb, mongodb, server};

/// How long an operation may take, with any fault and on a slow machine.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a test, which fails by a panic.
pub fn trial<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(test());
        runtime.shutdown_background();
        Ok(())
    })
}

/// Returns tests that need MongoDB. Without it they are ignored or, if it is required, replaced by a failure.
pub fn trials_on_mongodb(trials: Vec<Trial>) -> Vec<Trial> {
    trials_on("MongoDB", server().map(Server::kind).map_err(str::to_owned), trials)
}

/// Returns tests that need FerretDB. Without it they are ignored or, if it is required, replaced by a failure.
pub fn trials_on_ferretdb(trials: Vec<Trial>) -> Vec<Trial> {
    trials_on("FerretDB", ferretdb::check_available(), trials)
}

fn trials_on(name: &str, kind: Result<&str, String>, trials: Vec<Trial>) -> Vec<Trial> {
    match kind {
        Ok(kind) => trials.into_iter().map(|trial| trial.with_kind(kind)).collect(),
        Err(reason) if mongodb::is_required() => {
            let missing = format!("{name} is required but missing: {reason}");
            vec![Trial::test(format!("{}_is_available", name.to_lowercase()), || Err(missing.into()))]
        }
        Err(reason) => {
            eprintln!("the tests on {name} are ignored: {reason}");
            trials.into_iter().map(|trial| trial.with_ignored_flag(true)).collect()
        }
    }
}

/// Returns the output of a future; panics with `operation` after a timeout that no fault explains.
pub async fn within<T>(operation: &str, future: impl Future<Output = T>) -> T {
    let output = tokio::time::timeout(OPERATION_TIMEOUT, future).await;
    output.unwrap_or_else(|_| panic!("timed out: {operation}"))
}
