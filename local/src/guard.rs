//! Who may talk to a server that asks for no credentials: programs on this machine and pages served from it.
//!
//! A page from elsewhere can make the browser send requests here. Its `Origin` gives it away or, after DNS
//! rebinding, its `Host`.

use std::net::IpAddr;

use eventlog_edge::{Problem, single};
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::request::Parts;

pub(crate) struct Guard {
    /// The name to listen on that was asked for, lower case.
    own_name: String,
    /// It was asked to listen to other machines: they may call it by any address.
    any_address: bool,
}

impl Guard {
    /// `host` is what the server was told to listen on.
    pub(crate) fn new(host: &str) -> Self {
        let any_address = host.parse().is_ok_and(|address: IpAddr| !address.is_loopback());
        Self { own_name: host.to_ascii_lowercase(), any_address }
    }

    /// Refuses a foreign `Host` or `Origin`.
    pub(crate) fn check(&self, parts: &Parts) -> Result<(), Problem> {
        let authority = match parts.uri.authority() {
            Some(authority) => authority.as_str(),
            None => {
                only(parts, &HOST)?.ok_or_else(|| Problem::bad_request("The request must have a Host."))?
            }
        };
        if !self.is_ours(authority) {
            return Err(Problem::forbidden(
                "The Host is not this server's. eventlog dev --host NAME listens on a name's address and answers to it.",
            ));
        }
        match only(parts, &ORIGIN)? {
            None => Ok(()),
            Some(origin) => {
                let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
                let ours = authority.is_some_and(|authority| self.is_ours(authority));
                if ours { Ok(()) } else { Err(Problem::forbidden("The Origin is not on this machine.")) }
            }
        }
    }

    /// An address cannot be rebound, a name can.
    fn is_ours(&self, authority: &str) -> bool {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, ""),
        };
        let is_port =
            |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if !port.is_empty() && !is_port(port) {
            return false;
        }
        let address = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => host.parse().map(IpAddr::V6),
            None => host.parse().map(IpAddr::V4),
        };
        match address {
            Ok(address) => address.is_loopback() || self.any_address,
            Err(_) => is_localhost(host) || host.eq_ignore_ascii_case(&self.own_name),
        }
    }
}

/// `localhost` and the names below it, which resolvers keep on this machine (RFC 6761, 6.3).
fn is_localhost(host: &str) -> bool {
    let mut labels = host.strip_suffix('.').unwrap_or(host).rsplit('.');
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    labels.next().is_some_and(|top| top.eq_ignore_ascii_case("localhost")) && labels.all(is_label)
}

/// The value of a header that must be single.
fn only<'a>(parts: &'a Parts, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    Ok(single(&parts.headers, name)?.map(|value| value.to_str().unwrap_or("?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(guard: &Guard, headers: &[(&str, &str)]) -> bool {
        let mut request = hyper::Request::builder().uri("/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        guard.check(&parts).is_ok()
    }

    #[test]
    fn only_this_machine_may_call() {
        let guard = Guard::new("127.0.0.1");
        for host in [
            "localhost",
            "localhost:3000",
            "LOCALHOST:1",
            "localhost.:3000",
            "app.localhost:3000",
            "a_b.my-app.LocalHost",
            "127.0.0.1:3000",
            "[::1]:3000",
            "[::1]",
        ] {
            assert!(allowed(&guard, &[("host", host)]), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com:3000",
            "192.168.1.2:3000",
            "",
            "127.0.0.1.example.com",
            "mylocalhost",
            ".localhost",
            "a..localhost",
            "localhost..",
            "me@app.localhost",
            "a,b.localhost",
            "localhost/.localhost",
        ] {
            assert!(!allowed(&guard, &[("host", host)]), "{host}");
        }
        assert!(!allowed(&guard, &[]));
        assert!(!allowed(&guard, &[("host", "localhost"), ("host", "example.com")]));
    }

    #[test]
    fn only_pages_of_this_machine_may_call() {
        let guard = Guard::new("127.0.0.1");
        for origin in
            ["http://localhost:5173", "http://127.0.0.1", "https://localhost", "http://app.localhost:5173"]
        {
            assert!(allowed(&guard, &[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
        for origin in
            ["http://example.com", "null", "file://", "http://localhost@example.com", "http://[::2]"]
        {
            assert!(!allowed(&guard, &[("host", "localhost"), ("origin", origin)]), "{origin}");
        }
    }

    #[test]
    fn one_that_listens_to_others_may_be_called_by_address_or_its_name() {
        let guard = Guard::new("0.0.0.0");
        assert!(allowed(&guard, &[("host", "192.168.1.2:3000")]));
        assert!(!allowed(&guard, &[("host", "example.com")]));
        assert!(allowed(&Guard::new("log.internal"), &[("host", "log.internal:3000")]));
    }
}
