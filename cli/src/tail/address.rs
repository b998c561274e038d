//! Where the log is.

use anyhow::{Context, Result, ensure};
use eventlog_chain::{Event, EventId};
use hyper::Uri;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Which events are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) event_type: Option<String>,
    pub(super) source_app_id: Option<String>,
}

impl Filter {
    /// Whether it leaves out anything.
    pub(super) fn is_some(&self) -> bool {
        self.event_type.is_some() || self.source_app_id.is_some()
    }

    pub(super) fn takes(&self, event: &Event) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && self.source_app_id.as_ref().is_none_or(|wanted| *wanted == event.source_app_id)
    }
}

/// The URLs of both APIs, as their requests need them.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// With `http:` or `https:`, where an upgrade is asked for.
    websocket: String,
    /// Without a slash at its end.
    http: String,
}

impl Address {
    /// The WebSocket API's URL, and the HTTP API's; without that, it is on the same host. The errors name neither: they
    /// may hold what is nobody else's business.
    pub(super) fn new(websocket: &str, http: Option<&str>) -> Result<Self> {
        let websocket =
            parse(websocket, [("ws", "http"), ("wss", "https")]).context("the WebSocket's URL")?;
        for (name, _) in parameters(&websocket) {
            let is_ours = ["after", "eventType", "sourceAppId", "batch"].contains(&name);
            // Unnoticed, a filter would look like a broken chain.
            ensure!(!is_ours, "{name} is an option, not a part of the URL");
        }
        let http = match http {
            Some(http) => parse(http, [("http", "http"), ("https", "https")]).context("--http")?,
            None => origin(&websocket),
        };
        ensure!(http.query().is_none(), "--http: the URL must have no query");
        let http = http.to_string().trim_end_matches('/').to_owned();
        Ok(Self { websocket: websocket.to_string(), http })
    }

    /// The URL of a path of the HTTP API.
    pub(super) fn http(&self, path: &str) -> String {
        format!("{}{path}", self.http)
    }

    /// The URL to open a WebSocket at.
    pub(super) fn websocket(&self, after: Option<EventId>, filter: &Filter) -> String {
        let mut url = self.websocket.clone();
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                url.push(if url.contains('?') { '&' } else { '?' });
                url += name;
                url.push('=');
                url.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
            }
        };
        add("eventType", filter.event_type.as_deref());
        add("sourceAppId", filter.source_app_id.as_deref());
        add("batch", Some("1"));
        add("after", after.map(|id| id.to_string()).as_deref());
        url
    }
}

/// A URL with one of these schemes, which becomes the one beside it.
fn parse(text: &str, schemes: [(&str, &'static str); 2]) -> Result<Uri> {
    let [(plain, _), (secure, _)] = schemes;
    let uri: Uri = text.parse().context("this is no URL")?;
    let scheme = schemes.into_iter().find(|(name, _)| uri.scheme_str() == Some(name));
    let (_, scheme) = scheme.with_context(|| format!("it must begin with {plain}:// or {secure}://"))?;
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    ensure!(!has_user, "a URL is no place for a password: the token is taken from EVENTLOG_TOKEN");
    let mut parts = uri.into_parts();
    parts.scheme = Some(scheme.parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// The URL without path and query.
fn origin(uri: &Uri) -> Uri {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(hyper::http::uri::PathAndQuery::from_static("/"));
    Uri::from_parts(parts).unwrap_or_default()
}

fn parameters(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let query = uri.query().unwrap_or_default();
    query.split('&').map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_where_they_should() {
        let id: EventId = "64fdc8e5a835b1c4d6c5693f".parse().expect("an _id");
        let filter = Filter { event_type: Some("A & B+é".into()), source_app_id: Some("a b".into()) };
        let address = Address::new("wss://log.example.com:8443/live?stage=x", None).expect("an address");
        assert_eq!(
            address.websocket(Some(id), &filter),
            "https://log.example.com:8443/live?stage=x&eventType=A%20%26%20B%2B%C3%A9&sourceAppId=a%20b&batch=1\
             &after=64fdc8e5a835b1c4d6c5693f"
        );
        assert_eq!(address.http("/chain"), "https://log.example.com:8443/chain");
        let address =
            Address::new("ws://localhost:3000", Some("https://api.example.com/prod/")).expect("one");
        assert_eq!(address.websocket(None, &Filter::default()), "http://localhost:3000/?batch=1");
        assert_eq!(address.http("/chain"), "https://api.example.com/prod/chain");
    }

    #[test]
    fn what_is_no_address_is_told_and_not_repeated() {
        for (websocket, http, says) in [
            ("http://hunter2", None, "must begin with ws:// or wss://"),
            ("hunter2", None, "must begin with ws://"),
            ("", None, "no URL"),
            ("ws://", None, "no URL"),
            ("ws://user:hunter2@localhost", None, "no place for a password"),
            ("ws://localhost/?after=hunter2", None, "after is an option"),
            ("ws://localhost/?x=1&eventType", None, "eventType is an option"),
            ("ws://localhost", Some("ws://hunter2"), "must begin with http:// or https://"),
            ("ws://localhost", Some("http://localhost/?key=hunter2"), "no query"),
        ] {
            let error = format!("{:#}", Address::new(websocket, http).expect_err(websocket));
            assert!(error.contains(says) && !error.contains("hunter2"), "{websocket}: {error}");
        }
    }
}
