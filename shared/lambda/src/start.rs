//! How a function starts, and how it ends when it cannot.

use std::process::ExitCode;

use lambda_runtime::Error;

use crate::log;

/// Runs a function, which goes on until Lambda ends it. What keeps it from that is one line of the log, and the
/// process ends with a failure: Lambda starts another one for the next invocation.
pub async fn start(function: impl Future<Output = Result<(), Error>>) -> ExitCode {
    log::begin();
    match function.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the function ends: {error}");
            ExitCode::FAILURE
        }
    }
}
