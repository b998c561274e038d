//! What stands before the routes in a request's path.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

/// The path of a base path mapping, or of a proxy that strips nothing; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// `BASE_PATH` has another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable BASE_PATH must be empty, or a path like /log without a / at its end")]
pub struct InvalidBasePath;

impl BasePath {
    /// Reads `BASE_PATH`; not set or empty, there is no base path.
    ///
    /// # Errors
    ///
    /// The value is not made of segments that each begin with `/` and need no percent-encoding.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidBasePath> {
        let path = lookup("BASE_PATH").unwrap_or_default();
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let mut segments = path.split('/');
        let begins_with_a_slash = segments.next() == Some("");
        let is_path = segments.all(|segment| !segment.is_empty() && segment.bytes().all(is_unreserved));
        if begins_with_a_slash && is_path { Ok(Self(path)) } else { Err(InvalidBasePath) }
    }

    /// Returns the path that a route may match: without this base path, and without the stage, which API Gateway puts
    /// before the path unless it is `$default`.
    pub fn route_path<'a>(&self, request: &'a Request) -> &'a str {
        let path = without(request.raw_http_path(), &self.0);
        match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => match context.stage.as_deref() {
                Some(stage) => without(path, &format!("/{stage}")),
                None => path,
            },
            _ => path,
        }
    }
}

/// The rest of the path behind a prefix of whole segments; the path itself where it begins otherwise.
fn without<'a>(path: &'a str, prefix: &str) -> &'a str {
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<BasePath, InvalidBasePath> {
        BasePath::from_vars(|name| Some(value.to_owned()).filter(|_| name == "BASE_PATH"))
    }

    #[test]
    fn a_base_path_is_made_of_whole_segments() {
        assert_eq!(BasePath::from_vars(|_| None), Ok(BasePath::default()));
        for good in ["", "/log", "/v1/event-log", "/~a._b"] {
            assert_eq!(read(good), Ok(BasePath(good.into())), "{good}");
        }
        for bad in ["log", "/", "/log/", "//log", "/log//v1", "/log?x", "/a%20b", "https://example.com/log"] {
            assert_eq!(read(bad), Err(InvalidBasePath), "{bad}");
        }
    }

    #[test]
    fn only_a_whole_prefix_is_removed() {
        assert_eq!(without("/log/events", "/log"), "/events");
        assert_eq!(without("/log/events", ""), "/log/events");
        for other in ["/logs/events", "/log", "/events", "/Log/events"] {
            assert_eq!(without(other, "/log"), other);
        }
    }
}
