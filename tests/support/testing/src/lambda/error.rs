//! Errors of invocations.

use std::process::ExitStatus;

use serde_json::Value;

/// The error of an invocation, as Lambda reports it.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function replied with an error. Its instance is still usable.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The function did not reply and ask for the next invocation before the deadline. Its instance was killed.
    #[error("the function timed out")]
    TimedOut,
    /// The process ended, or asked for the next invocation, without a reply to this one.
    #[error("the function crashed: {status}")]
    Crashed {
        /// Exit status of the process.
        status: ExitStatus,
        /// The end of its output.
        log: String,
    },
    /// A new instance did not ask for an invocation.
    #[error("the function did not start: {status}")]
    Init {
        /// Exit status of the process, which is killed after the timeout.
        status: ExitStatus,
        /// The error that it sent to the Runtime API.
        error: Option<FunctionError>,
        /// The end of its output.
        log: String,
    },
}

/// An error reply of a function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the function replied with {kind}: {message}")]
pub struct FunctionError {
    /// `errorType`: the name of a type, or `Runtime.…`.
    pub kind: String,
    /// `errorMessage`.
    pub message: String,
}

impl FunctionError {
    /// Parses the body of an error reply. Missing fields are empty.
    pub(super) fn parse(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { kind: text("errorType"), message: text("errorMessage") }
    }
}
