//! The broadcaster, as one who connects sees it.

use eventlog_aws::{Function, InvalidFunction};
use eventlog_lambda::{InvalidMode, Mode};
use eventlog_ledger::broadcast::Wake;
use serde_json::json;

/// Wakes the function that broadcasts, where it does not look around by itself.
#[derive(Clone)]
pub struct Broadcaster(Option<Function>);

/// The environment does not say how it is woken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBroadcaster {
    /// It does not say whether.
    #[error(transparent)]
    Mode(#[from] InvalidMode),
    /// It does not say which function.
    #[error(transparent)]
    Function(#[from] InvalidFunction),
}

impl Broadcaster {
    /// Reads `BROADCAST_MODE` and, for `trigger`, what [`Function`] reads, with the name in `BROADCAST_FUNCTION`.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidBroadcaster> {
        Ok(Self(match Mode::from_vars(&lookup)? {
            Mode::Trigger => Some(Function::from_vars(&lookup, "BROADCAST_FUNCTION")?),
            Mode::Polling => None,
        }))
    }
}

impl Wake for Broadcaster {
    async fn wake(&self) {
        if let Some(function) = &self.0
            && let Err(error) = function.invoke(&json!({})).await
        {
            // The schedule's next wake-up will do.
            tracing::warn!("the broadcaster was not woken: {error}");
        }
    }
}
