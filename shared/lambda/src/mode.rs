//! How the broadcaster learns of new events.

use crate::{MissingVar, required};

/// What wakes the broadcaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An Atlas trigger, for each event; whoever has something else for it to do must wake it.
    Trigger,
    /// A schedule; in between it watches the log itself.
    Polling,
}

/// The environment does not say which.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMode {
    /// The variable is not set.
    #[error(transparent)]
    Missing(#[from] MissingVar),
    /// It says something else.
    #[error("the environment variable BROADCAST_MODE must be trigger or polling")]
    Unknown,
}

impl Mode {
    /// Reads `BROADCAST_MODE`: `trigger` or `polling`.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidMode> {
        match required(lookup, "BROADCAST_MODE")?.as_str() {
            "trigger" => Ok(Self::Trigger),
            "polling" => Ok(Self::Polling),
            _ => Err(InvalidMode::Unknown),
        }
    }
}
