//! HTTP APIs, payload format 2.0 (API Gateway developer guide, "Create AWS Lambda proxy integrations for
//! HTTP APIs").

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use eventlog_edge::routes::Route;
use eventlog_ledger::{new_id, now};
use hyper::header::{COOKIE, HOST, USER_AGENT};
use hyper::http::request::Parts;
use serde::Serialize;

use super::{body_text, joined_headers, joined_parameters, request_time};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<Cow<'a, str>>>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<BTreeMap<Cow<'a, str>, Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_parameters: Option<BTreeMap<&'static str, &'a str>>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: String,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: IpAddr,
    user_agent: &'a str,
}

/// The JSON that a function is called with. `route` is the route with its `{id}`, if it has one.
pub(crate) fn request(
    parts: &Parts,
    body: &[u8],
    peer: IpAddr,
    route: Option<(Route, Option<&str>)>,
) -> serde_json::Result<Vec<u8>> {
    let route_key = match route {
        Some(((method, path), _)) => Cow::Owned(format!("{method} {path}")),
        None => Cow::Borrowed("$default"),
    };
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The Host beside an absolute request target means nothing (RFC 9112, 3.2.2).
    let host = parts.uri.authority().map_or_else(|| header(HOST), |authority| authority.as_str());
    let domain_name = host.split(':').next().unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default();
    let mut headers = joined_headers(&parts.headers);
    headers.insert(HOST.as_str(), host.into());
    // API Gateway's word, not the client's; the functions make a URL of it.
    headers.insert("x-forwarded-for", peer.to_string().into());
    headers.insert("x-forwarded-proto", "http".into());
    let cookies = headers.remove(COOKIE.as_str());
    let (text, is_base64_encoded) = body_text(body);
    let now = now();
    serde_json::to_vec(&Request {
        version: "2.0",
        route_key: &route_key,
        raw_path: parts.uri.path(),
        raw_query_string: query,
        cookies: cookies.map(|all| all.split(';').map(|one| one.trim().to_owned().into()).collect()),
        headers,
        query_string_parameters: joined_parameters(query),
        path_parameters: route.and_then(|(_, id)| id).map(|id| BTreeMap::from([("id", id)])),
        request_context: RequestContext {
            account_id: "000000000000",
            api_id: "local",
            domain_name,
            domain_prefix: domain_name.split('.').next().unwrap_or_default(),
            http: Http {
                method: parts.method.as_str(),
                path: parts.uri.path(),
                protocol: "HTTP/1.1",
                source_ip: peer,
                user_agent: header(USER_AGENT),
            },
            request_id: new_id().to_string(),
            route_key: &route_key,
            stage: "$default",
            time: request_time(now),
            time_epoch: now.millis(),
        },
        body: Some(text).filter(|text| !text.is_empty()),
        is_base64_encoded,
    })
}

#[cfg(test)]
mod tests {
    use eventlog_edge::routes;
    use eventlog_testing::{fixture, shape};
    use serde_json::Value;

    use super::*;

    fn envelope(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Value {
        let mut builder = hyper::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let (parts, ()) = builder.body(()).expect("a request").into_parts();
        let route = routes::find(method, parts.uri.path());
        let json = request(&parts, body.as_bytes(), IpAddr::from([127, 0, 0, 1]), route).expect("JSON");
        serde_json::from_slice(&json).expect("JSON")
    }

    #[test]
    fn a_request_has_the_form_that_api_gateway_gives_it() {
        let post = envelope("POST", "/events", &[("host", "localhost:3000")], "{}");
        assert_eq!(shape(&post), shape(&fixture("http-post-events")));
        assert_eq!(post["requestContext"]["domainName"], "localhost");

        let headers = [("host", "localhost"), ("cookie", "one=1; two=2")];
        let get = envelope("GET", "/events/64fdc8e5a835b1c4d6c5693f?a=1&a=2", &headers, "");
        let expected = fixture("http-get-event");
        assert_eq!(shape(&get), shape(&expected));
        for member in
            ["routeKey", "rawPath", "rawQueryString", "cookies", "queryStringParameters", "pathParameters"]
        {
            assert_eq!(get[member], expected[member], "{member}");
        }
    }
}
