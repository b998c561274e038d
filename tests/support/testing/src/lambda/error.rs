//! How an invocation fails.

use std::process::ExitStatus;

use serde_json::Value;

/// What Lambda would report instead of an answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The function answered with an error. Its instance lives on.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The function did not answer, or did not ask for more, before its deadline. Its instance was killed.
    #[error("the function timed out")]
    TimedOut,
    /// The process ended, or asked for the next invocation without having answered this one.
    #[error("the function crashed: {status}")]
    Crashed {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        log: String,
    },
    /// A new instance did not get as far as to ask for an invocation.
    #[error("the function did not start: {status}")]
    Init {
        /// How it ended; killed if it took too long.
        status: ExitStatus,
        /// What it said to the Runtime API, if it did.
        error: Option<FunctionError>,
        /// The end of what it printed.
        log: String,
    },
}

/// `errorType` and `errorMessage` of an error reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the function answered {kind}: {message}")]
pub struct FunctionError {
    /// What kind of error, in the words of the runtime: a type's name, or `Runtime.…`.
    pub kind: String,
    /// For people.
    pub message: String,
}

impl FunctionError {
    /// Out of the body of an error reply; what is not there is empty.
    pub(super) fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { kind: text("errorType"), message: text("errorMessage") }
    }
}
