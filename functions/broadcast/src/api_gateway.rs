//! Pushing through API Gateway's management API.

use std::sync::Arc;
use std::time::Duration;

use eventlog_aws::Client;
use eventlog_ledger::broadcast::{Message, Push, PushError};
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Semaphore;

/// A post takes milliseconds; one that hangs must not keep its connection waiting for long.
const POST: Duration = Duration::from_secs(5);
/// So many posts at once: each takes a connection of its own, and a process on Lambda may have 1,024 of them. At 10 ms
/// each that is what API Gateway lets an account do in a second.
const AT_ONCE: usize = 100;
/// What stands in a path as it is (RFC 3986, 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `@connections` of one WebSocket API: PostToConnection of the API Gateway management API reference.
#[derive(Clone)]
pub struct ApiGateway {
    client: Client,
    endpoint: Arc<str>,
    places: Arc<Semaphore>,
}

impl ApiGateway {
    /// Connects when it is first used.
    pub fn new(endpoint: &Uri, client: Client) -> Self {
        let endpoint = endpoint.to_string().trim_end_matches('/').into();
        Self { client, endpoint, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Push for ApiGateway {
    async fn post(&self, connection: &str, message: Message) -> Result<(), PushError> {
        let unavailable = |why: String| PushError::Unavailable(why.into());
        let _place = self.places.acquire().await.map_err(|error| unavailable(error.to_string()))?;
        let url = format!("{}/@connections/{}", self.endpoint, utf8_percent_encode(connection, ENCODED));
        let post = Request::post(url).header(CONTENT_TYPE, "application/octet-stream").body(message.json());
        let post = post.map_err(|error| PushError::Refused(error.to_string()))?;
        let reply = self.client.send("execute-api", post, POST).await;
        match reply.map_err(|error| unavailable(error.to_string()))?.status().as_u16() {
            200..=299 => Ok(()),
            410 => Err(PushError::Gone),
            status @ (400 | 413) => Err(PushError::Refused(format!("HTTP status {status}"))),
            // A 403, say, is the matter of the role, which can be mended; the message is as good as any.
            status => Err(unavailable(format!("HTTP status {status}"))),
        }
    }
}
