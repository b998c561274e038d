//! Request bodies.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eventlog_edge::{MAX_BODY_BYTES, Problem};
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::EXPECT;
use tokio::time::timeout;

/// How long a request's body may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that was not read is read and dropped, and for how long.
const MAX_DRAINED: usize = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a request. However early the request is answered, the rest of its body is read and dropped: many clients
/// send all before they read, and to end the connection on unread bytes would reset it and lose the answer
/// (RFC 9112, 9.6).
pub(crate) struct Body {
    incoming: Option<Incoming>,
    /// The client sends nothing before it is told to go on (RFC 9110, 10.1.1).
    waits: bool,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, headers: &HeaderMap) -> Self {
        Self { incoming: Some(incoming), waits: headers.contains_key(EXPECT) }
    }

    /// Returns the most bytes that [`Self::read`] may read.
    pub(crate) fn max_len(&self) -> usize {
        let upper = self.incoming.as_ref().and_then(|incoming| incoming.size_hint().upper());
        upper
            .and_then(|upper| usize::try_from(upper).ok())
            .map_or(MAX_BODY_BYTES, |upper| upper.min(MAX_BODY_BYTES))
    }

    /// Reads the body.
    ///
    /// # Errors
    ///
    /// 413 for more than 3 MB, 408 where it takes too long, 400 where it is cut off or badly framed.
    pub(crate) async fn read(mut self) -> Result<Bytes, Problem> {
        let is_declared_too_large =
            self.incoming.as_ref().is_some_and(|body| body.size_hint().lower() > MAX_BODY_BYTES as u64);
        if is_declared_too_large {
            return Err(Problem::body_too_large());
        }
        self.waits = false;
        timeout(READ_TIMEOUT, self.collect()).await.unwrap_or_else(|_| Err(Problem::request_timeout()))
    }

    async fn collect(&mut self) -> Result<Bytes, Problem> {
        let mut bytes = BytesMut::new();
        let Some(incoming) = &mut self.incoming else { return Ok(bytes.freeze()) };
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| Problem::bad_request("The body is cut off or badly framed."))?;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() > MAX_BODY_BYTES {
                return Err(Problem::body_too_large());
            }
        }
        Ok(bytes.freeze())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let unread = self.incoming.take().filter(|incoming| !incoming.is_end_stream() && !self.waits);
        if let Some(unread) = unread {
            tokio::spawn(timeout(DRAIN_TIMEOUT, drain(unread)));
        }
    }
}

async fn drain(mut body: Incoming) {
    let mut left = MAX_DRAINED;
    while let Some(Ok(frame)) = body.frame().await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
