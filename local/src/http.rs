//! HTTP requests: from the wire to a function and back.

use std::net::IpAddr;

use anyhow::Result;
use eventlog_edge::{Problem, routes};
use eventlog_ledger::{ConnectionStore, EventStore};
use hyper::{Request, Uri};

use crate::body::Body;
use crate::envelope::{self, Answer};
use crate::functions::Functions;
use crate::reply::{Reply, problem_reply};

/// A path with its query string has at most so many bytes: as much as HTTP asks for (RFC 9110, 4.1), and less
/// than API Gateway takes.
const MAX_TARGET: usize = 8000;

/// Invokes the function for this request.
pub(crate) async fn invoke<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    request: Request<Body>,
    peer: IpAddr,
) -> Result<Reply> {
    let (parts, body) = request.into_parts();
    let body = match body.read().await {
        Ok(body) => body,
        Err(problem) => return Ok(problem_reply(problem)),
    };
    if let Err(problem) = check_target(&parts.uri) {
        return Ok(problem_reply(problem));
    }
    let route = routes::find(parts.method.as_str(), parts.uri.path());
    let request = envelope::http::request(&parts, &body, peer, route)?;
    let reply = functions.http(route.map(|(route, _)| route), &request).await?;
    let answer: Answer<'_> = serde_json::from_slice(&reply)?;
    answer.into_reply()
}

/// Refuses what the functions could not make a URL of: `*`, `host:port`, and too much.
fn check_target(uri: &Uri) -> Result<(), Problem> {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    if target.len() > MAX_TARGET {
        return Err(Problem::uri_too_long(MAX_TARGET));
    }
    if target.starts_with('/') {
        Ok(())
    } else {
        Err(Problem::not_found("There is nothing at this path. GET /openapi.yaml lists the paths."))
    }
}
