//! What the function is told by its environment.

use eventlog_aws::{Caller, ConnectionString, Function, InvalidFunction, MissingConnectionString};
use eventlog_lambda::{InvalidMode, MissingVar, Mode, required};
use http::Uri;

/// Where the log is, and where the connections are.
pub struct Config {
    /// `MONGODB_URI` or `MONGODB_SECRET_ARN`.
    pub uri: ConnectionString,
    /// `WEBSOCKET_GATEWAY`: a name that connect, disconnect and broadcast of one deployment share.
    pub gateway: String,
    /// `WEBSOCKET_ENDPOINT`: the URL of the WebSocket API's management API, `https://…/stage`.
    pub endpoint: Uri,
    /// `BROADCAST_MODE`: `trigger` or `polling`.
    pub mode: Mode,
    /// `POSTS_PER_SECOND`: how many messages all runs together may push in a second.
    pub posts_per_second: u32,
    /// In whose name messages are posted.
    pub caller: Caller,
    /// The function itself (`AWS_LAMBDA_FUNCTION_NAME`), to be invoked where one run is not enough.
    pub colleagues: Function,
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
    /// Nothing says what wakes it.
    #[error(transparent)]
    Mode(#[from] InvalidMode),
    /// `POSTS_PER_SECOND` is no number.
    #[error("the environment variable POSTS_PER_SECOND must be a whole number from 1 to {}", u32::MAX)]
    PostsPerSecond,
    /// The function cannot invoke itself.
    #[error(transparent)]
    Colleagues(#[from] InvalidFunction),
    /// `WEBSOCKET_ENDPOINT` is no URL.
    #[error("the environment variable WEBSOCKET_ENDPOINT must be a URL, https://…/stage")]
    Endpoint,
}

impl Config {
    /// Reads the variables.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let var = |name| required(&lookup, name);
        let endpoint: Option<Uri> = var("WEBSOCKET_ENDPOINT")?.parse().ok();
        let endpoint = endpoint.filter(|url| url.scheme().is_some() && url.query().is_none());
        let posts: Option<u32> = var("POSTS_PER_SECOND")?.parse().ok();
        Ok(Self {
            uri: ConnectionString::from_vars(&lookup)?,
            gateway: var("WEBSOCKET_GATEWAY")?,
            endpoint: endpoint.ok_or(InvalidConfig::Endpoint)?,
            mode: Mode::from_vars(&lookup)?,
            posts_per_second: posts.filter(|posts| *posts > 0).ok_or(InvalidConfig::PostsPerSecond)?,
            caller: Caller::from_vars(&lookup)?,
            colleagues: Function::from_vars(&lookup, "AWS_LAMBDA_FUNCTION_NAME")?,
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
            "POSTS_PER_SECOND" => Some("5000".into()),
            "AWS_REGION" => Some("eu-central-1".into()),
            _ if name.starts_with("AWS_ENDPOINT_URL") => None,
            _ => Some(format!("the {name}")),
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        for name in [
            "WEBSOCKET_GATEWAY",
            "WEBSOCKET_ENDPOINT",
            "BROADCAST_MODE",
            "POSTS_PER_SECOND",
            "AWS_REGION",
            "AWS_LAMBDA_FUNCTION_NAME",
        ] {
            let error = Config::from_vars(lookup(name)).err().expect(name);
            assert_eq!(error.to_string(), format!("the environment variable {name} must be set"));
        }
    }

    #[test]
    fn a_malformed_variable_is_named() {
        for (name, value, error) in [
            ("BROADCAST_MODE", "sometimes", InvalidMode::Unknown.into()),
            ("WEBSOCKET_ENDPOINT", "wss://f6g7h8i9j0.example/prod?a=b", InvalidConfig::Endpoint),
            ("WEBSOCKET_ENDPOINT", "f6g7h8i9j0.example", InvalidConfig::Endpoint),
            ("WEBSOCKET_ENDPOINT", "https:// /", InvalidConfig::Endpoint),
            ("POSTS_PER_SECOND", "0", InvalidConfig::PostsPerSecond),
            ("POSTS_PER_SECOND", "many", InvalidConfig::PostsPerSecond),
        ] {
            let vars = |var: &str| if var == name { Some(value.into()) } else { lookup("")(var) };
            assert_eq!(Config::from_vars(vars).err(), Some(error.clone()), "{value}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
