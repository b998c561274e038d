//! The memory that bodies and answers take, of all requests together.
//!
//! An answer stays in memory until its client has taken it, and a client may take nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eventlog_edge::answer::MAX_BYTES;
use eventlog_edge::{Problem, routes};
use eventlog_ledger::MAX_EVENT_BYTES;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::reply::Reply;

/// Maximum number of bytes that all requests take at once: 64 of the largest answers. Clients that do not read can take all of it
/// for [`STALL_TIMEOUT`](crate::client_stream::STALL_TIMEOUT).
const MAX_HELD: usize = 256 << 20;
/// Requests that take less are not counted; the limit of connections bounds them.
const UNCOUNTED: usize = 16 << 10;
/// How long a request may wait for its share: as long as API Gateway waits for a function.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Shares of the memory, given in the order in which requests asked.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// The share of one request; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

/// An answer and its share, kept together for as long as the connection keeps the bytes.
struct Held {
    bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_HELD)))
    }
}

impl Budget {
    /// Waits for the share that a request with a body of at most so many bytes may need.
    ///
    /// # Errors
    ///
    /// 503 if others keep theirs for too long.
    pub(crate) async fn share(&self, parts: &Parts, max_body: usize) -> Result<Share, Problem> {
        // The answer to a POST is about as long as its body.
        let bytes = 2 * max_body + max_read(parts);
        if bytes <= UNCOUNTED {
            return Ok(Share(None));
        }
        let bytes = u32::try_from(bytes.min(MAX_HELD)).unwrap_or(u32::MAX);
        match timeout(MAX_WAIT, self.0.clone().acquire_many_owned(bytes)).await {
            Ok(Ok(permit)) => Ok(Share(Some(permit))),
            Ok(Err(_)) | Err(_) => Err(Problem::overloaded()),
        }
    }
}

/// The most bytes of events that a request reads.
fn max_read(parts: &Parts) -> usize {
    let is_read = parts.method == Method::GET || parts.method == Method::HEAD;
    match routes::find(Method::GET.as_str(), parts.uri.path()).filter(|_| is_read) {
        Some((routes::LIST | routes::VERIFY, _)) => MAX_BYTES,
        Some((routes::EVENT, _)) => MAX_EVENT_BYTES,
        _ => 0,
    }
}

impl Share {
    /// Returns the answer with as much of the share as it needs.
    pub(crate) async fn keep(self, answer: Reply) -> Reply {
        let Some(mut permit) = self.0 else { return answer };
        let (parts, body) = answer.into_parts();
        // It is there as a whole.
        let bytes = body.collect().await.map_or_else(|never| match never {}, |body| body.to_bytes());
        let body = match bytes.len() {
            ..=UNCOUNTED => bytes,
            len => Bytes::from_owner(Held { bytes, _share: permit.split(len).unwrap_or(permit) }),
        };
        Reply::from_parts(parts, body.into())
    }
}
