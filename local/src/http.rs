//! HTTP requests: from the wire to a function and back.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use eventlog_edge::{MAX_BODY_BYTES, Problem, routes};
use eventlog_ledger::{ConnectionStore, EventStore};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::EXPECT;
use hyper::{HeaderMap, Request, Response};
use tokio::time::timeout;

use crate::envelope::{self, Answer};
use crate::functions::Functions;
use crate::gateway::problem_response;

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
) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = match read(&parts.headers, body).await {
        Ok(Ok(body)) => body,
        Ok(Err(problem)) => return Ok(problem_response(&problem)),
        // Nobody is there to be answered.
        Err(_) => return Ok(problem_response(&Problem::request_timeout())),
    };
    let route = routes::find(parts.method.as_str(), parts.uri.path());
    let request = envelope::http::request(&parts, &body, peer, route)?;
    let reply = functions.http(route.map(|(route, _)| route), &request).await?;
    let answer: Answer<'_> = serde_json::from_slice(&reply)?;
    let mut response = Response::builder().status(answer.status_code);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(answer.into_body()?))?)
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
