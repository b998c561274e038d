//! What the function is told by its environment.

use aws_credential_types::Credentials;
use eventlog_edge::{MissingVar, required};

/// What wakes the broadcaster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An Atlas trigger, for each event.
    Trigger,
    /// A schedule; in between it watches the log itself.
    Polling,
}

/// Where the log is, and where the connections are.
#[derive(Debug)]
pub struct Config {
    /// `MONGODB_URI`.
    pub mongodb_uri: String,
    /// `WEBSOCKET_GATEWAY`: a name that connect, disconnect and broadcast of one deployment share.
    pub gateway: String,
    /// `WEBSOCKET_ENDPOINT`: the URL of the WebSocket API's management API, `https://…/stage`.
    pub endpoint: String,
    /// `BROADCAST_MODE`: `trigger` or `polling`.
    pub mode: Mode,
    /// `AWS_REGION`, set by Lambda.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`: those of the function's role, set
    /// by Lambda for the life of the process.
    pub credentials: Credentials,
}

/// The environment does not say what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] MissingVar),
    /// `BROADCAST_MODE` is something else.
    #[error("the environment variable BROADCAST_MODE must be trigger or polling")]
    Mode,
}

impl Config {
    /// Reads the variables.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let var = |name| required(&lookup, name);
        let mode = match var("BROADCAST_MODE")?.as_str() {
            "trigger" => Mode::Trigger,
            "polling" => Mode::Polling,
            _ => return Err(InvalidConfig::Mode),
        };
        Ok(Self {
            mongodb_uri: var("MONGODB_URI")?,
            gateway: var("WEBSOCKET_GATEWAY")?,
            endpoint: var("WEBSOCKET_ENDPOINT")?,
            mode,
            region: var("AWS_REGION")?,
            credentials: Credentials::new(
                var("AWS_ACCESS_KEY_ID")?,
                var("AWS_SECRET_ACCESS_KEY")?,
                lookup("AWS_SESSION_TOKEN"),
                None,
                "Lambda",
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(without: &str) -> impl Fn(&str) -> Option<String> {
        move |name| match name {
            _ if name == without => None,
            "BROADCAST_MODE" => Some("polling".into()),
            _ => Some(format!("the {name}")),
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert!(Config::from_vars(lookup("AWS_SESSION_TOKEN")).is_ok());
        for name in ["MONGODB_URI", "WEBSOCKET_GATEWAY", "WEBSOCKET_ENDPOINT", "BROADCAST_MODE", "AWS_REGION"]
        {
            let error = Config::from_vars(lookup(name)).expect_err(name);
            assert_eq!(error.to_string(), format!("the environment variable {name} must be set"));
        }
        let wrong = Config::from_vars(|name| Some(name.to_owned())).expect_err("a wrong mode");
        assert_eq!(wrong, InvalidConfig::Mode);
    }

    #[test]
    fn no_secret_is_printed() {
        let config = Config::from_vars(lookup("")).expect("a config");
        assert!(!format!("{:?}", config.credentials).contains("the AWS_SECRET_ACCESS_KEY"));
    }
}
