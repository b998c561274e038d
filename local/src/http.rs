//! HTTP requests: from the wire to a function and back.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use eventlog_edge::{MAX_BODY_BYTES, Problem, routes};
use eventlog_ledger::{ConnectionStore, EventStore};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::{HeaderMap, Request, Uri};
use tokio::time::timeout;

use crate::envelope::{self, Answer};
use crate::functions::Functions;
use crate::reply::{Reply, problem_reply};

/// A path with its query string has at most so many bytes: as much as HTTP asks for (RFC 9110, 4.1), and less
/// than API Gateway takes.
const MAX_TARGET: usize = 8000;
/// How long a request's body may take.
const BODY: Duration = Duration::from_secs(30);
/// How much of a body that is too long is read, and for how long, so that the client gets to see our answer
/// and not a reset.
const DRAIN_BYTES: usize = 64 << 20;
const DRAIN: Duration = Duration::from_secs(10);

/// Invokes the function for this request.
pub(crate) async fn invoke<L: EventStore, C: ConnectionStore>(
    functions: &Functions<L, C>,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Result<Reply> {
    let (parts, body) = request.into_parts();
    let body = match read(&parts.headers, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(problem)) => return Ok(problem_reply(&problem)),
        Err(_) => return Ok(problem_reply(&Problem::bad_request("The body is cut off or badly framed."))),
    };
    if let Err(problem) = check_target(&parts.uri) {
        return Ok(problem_reply(&problem));
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

/// Reads the body, or says what is wrong with it. The outer error: the connection broke.
async fn read(headers: &HeaderMap, mut body: Incoming) -> hyper::Result<Result<Bytes, Problem>> {
    let too_large = body.size_hint().lower() > MAX_BODY_BYTES as u64;
    // Who asks first has not sent anything yet.
    if too_large && headers.contains_key(EXPECT) {
        return Ok(Err(Problem::body_too_large()));
    }
    let mut bytes = BytesMut::new();
    let collect = async {
        while !too_large && let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() > MAX_BODY_BYTES {
                break;
            }
        }
        hyper::Result::Ok(())
    };
    match timeout(BODY, collect).await {
        Ok(collected) => collected?,
        Err(_) => return Ok(Err(Problem::request_timeout())),
    }
    if too_large || bytes.len() > MAX_BODY_BYTES {
        tokio::spawn(timeout(DRAIN, drain(body)));
        return Ok(Err(Problem::body_too_large()));
    }
    Ok(Ok(bytes.freeze()))
}

async fn drain(mut body: Incoming) {
    let mut left = DRAIN_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
