//! What the function is told by its environment.

use eventlog_aws::{Caller, ConnectionString, MissingConnectionString};
use eventlog_edge::{MissingVar, required};
use http::Uri;

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
    /// `MONGODB_URI` or `MONGODB_SECRET_ARN`.
    pub uri: ConnectionString,
    /// `WEBSOCKET_GATEWAY`: a name that connect, disconnect and broadcast of one deployment share.
    pub gateway: String,
    /// `WEBSOCKET_ENDPOINT`: the URL of the WebSocket API's management API, `https://…/stage`.
    pub endpoint: Uri,
    /// `BROADCAST_MODE`: `trigger` or `polling`.
    pub mode: Mode,
    /// In whose name messages are posted.
    pub caller: Caller,
}

/// The environment does not say what it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] MissingVar),
    /// Nothing says where the database is.
    #[error(transparent)]
    MissingConnectionString(#[from] MissingConnectionString),
    /// `BROADCAST_MODE` is something else.
    #[error("the environment variable BROADCAST_MODE must be trigger or polling")]
    Mode,
    /// `WEBSOCKET_ENDPOINT` is no URL.
    #[error("the environment variable WEBSOCKET_ENDPOINT must be a URL, https://…/stage")]
    Endpoint,
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
        let endpoint: Option<Uri> = var("WEBSOCKET_ENDPOINT")?.parse().ok();
        let endpoint = endpoint.filter(|url| url.scheme().is_some() && url.query().is_none());
        Ok(Self {
            uri: ConnectionString::from_vars(&lookup)?,
            gateway: var("WEBSOCKET_GATEWAY")?,
            endpoint: endpoint.ok_or(InvalidConfig::Endpoint)?,
            mode,
            caller: Caller::from_vars(&lookup)?,
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
            "WEBSOCKET_ENDPOINT" => Some("https://f6g7h8i9j0.example/prod".into()),
            _ => Some(format!("the {name}")),
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        for name in ["WEBSOCKET_GATEWAY", "WEBSOCKET_ENDPOINT", "BROADCAST_MODE", "AWS_REGION"] {
            let error = Config::from_vars(lookup(name)).expect_err(name);
            assert_eq!(error.to_string(), format!("the environment variable {name} must be set"));
        }
    }

    #[test]
    fn a_malformed_variable_is_named() {
        for (name, value, error) in [
            ("BROADCAST_MODE", "sometimes", InvalidConfig::Mode),
            ("WEBSOCKET_ENDPOINT", "wss://f6g7h8i9j0.example/prod?a=b", InvalidConfig::Endpoint),
            ("WEBSOCKET_ENDPOINT", "f6g7h8i9j0.example", InvalidConfig::Endpoint),
            ("WEBSOCKET_ENDPOINT", "https:// /", InvalidConfig::Endpoint),
        ] {
            let vars = |var: &str| if var == name { Some(value.into()) } else { lookup("")(var) };
            assert_eq!(Config::from_vars(vars).expect_err(value), error);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let config = format!("{:?}", Config::from_vars(lookup("")).expect("a config"));
        assert!(
            !config.contains("the AWS_SECRET_ACCESS_KEY") && !config.contains("the MONGODB_URI"),
            "{config}"
        );
    }
}
