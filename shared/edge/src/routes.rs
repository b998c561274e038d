//! The HTTP routes, as API Gateway's route keys name them.

/// A route: method and path; `{id}` stands for one segment.
pub type Route = (&'static str, &'static str);

/// `POST /events`.
pub const CREATE: Route = ("POST", "/events");
/// `GET /events`.
pub const LIST: Route = ("GET", "/events");
/// `GET /events/{id}`.
pub const EVENT: Route = ("GET", "/events/{id}");
/// `GET /chain`.
pub const CHAIN: Route = ("GET", "/chain");
/// `GET /chain/verify`.
pub const VERIFY: Route = ("GET", "/chain/verify");
/// `GET /health`.
pub const HEALTH: Route = ("GET", "/health");

/// `GET /openapi.yaml`.
pub const SPECIFICATION: Route = ("GET", "/openapi.yaml");

/// All of them. What is none of them goes to the route `$default`.
pub const ALL: [Route; 7] = [CREATE, LIST, EVENT, CHAIN, VERIFY, HEALTH, SPECIFICATION];

/// The route that takes this request, and its `{id}`.
pub fn find<'a>(method: &str, path: &'a str) -> Option<(Route, Option<&'a str>)> {
    ALL.into_iter().find_map(|route| match matches(route.1, path) {
        Some(id) if route.0 == method => Some((route, id)),
        _ => None,
    })
}

/// The methods that a path takes, for `Allow`; `None` where there is no such path. `HEAD` is taken where `GET` is, and
/// has no route key: API Gateway sends it to `$default`.
pub fn allowed(path: &str) -> Option<&'static str> {
    let takes = |method: &str| find(method, path).is_some();
    match (takes("GET"), takes("POST")) {
        (true, true) => Some("GET, HEAD, POST"),
        (true, false) => Some("GET, HEAD"),
        (false, true) => Some("POST"),
        (false, false) => None,
    }
}

fn matches<'a>(pattern: &str, path: &'a str) -> Option<Option<&'a str>> {
    match pattern.strip_suffix("{id}") {
        Some(stem) => path.strip_prefix(stem).filter(|id| !id.is_empty() && !id.contains('/')).map(Some),
        None => (pattern == path).then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_find_their_route() {
        assert_eq!(find("GET", "/events/a"), Some((EVENT, Some("a"))));
        assert_eq!(find("POST", "/events"), Some((CREATE, None)));
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/events/"),
            ("GET", "/events/a/b"),
            ("DELETE", "/events"),
            ("POST", "/events/a"),
        ] {
            assert_eq!(find(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_path_knows_its_methods() {
        assert_eq!(allowed("/events"), Some("GET, HEAD, POST"));
        assert_eq!(allowed("/events/a"), Some("GET, HEAD"));
        assert_eq!(allowed("/chain"), Some("GET, HEAD"));
        assert_eq!(allowed("/nothing"), None);
    }
}
