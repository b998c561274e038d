//! One delivery: some messages, in order, to one connection.

use std::time::Duration;

use bytes::Bytes;

use super::{Push, PushError, window};
use crate::{Connection, EventStore, StoreError, now};

/// What came of a delivery: the connection, its position moved past what was sent.
pub(super) struct Outcome {
    pub(super) connection: Connection,
    pub(super) end: End,
}

pub(super) enum End {
    /// Some or all was sent; go on at once.
    Sent,
    /// The connection is gone for good.
    Gone,
    /// The connection is gone or not there yet.
    NotThere,
    /// The log could not be read.
    Unread(StoreError),
}

/// To the gateway a connection whose `$connect` has not returned does not exist. One that is older than this
/// is not waited for: `$connect` has 30 s at most.
const MAY_STILL_COME: Duration = Duration::from_secs(30);
/// How long to wait after a message was not taken.
const RETRY: Duration = Duration::from_millis(100);

/// Sends `messages` to the connection or, where there are none because it is too far behind for the shared
/// window, a page that is read for it alone.
pub(super) async fn deliver<L: EventStore, P: Push>(
    log: &L,
    push: &P,
    mut connection: Connection,
    messages: Option<Vec<Bytes>>,
) -> Outcome {
    let messages = match messages {
        Some(messages) => messages,
        None => match window::read(log, connection.position).await {
            Ok(messages) => messages,
            Err(error) => return Outcome { connection, end: End::Unread(error) },
        },
    };
    for message in messages {
        match push.post(&connection.id, message).await {
            Ok(()) => {}
            Err(PushError::Refused(reason)) => {
                tracing::error!(
                    connection = connection.id,
                    seq = connection.position,
                    reason,
                    "never delivered"
                );
            }
            Err(PushError::Gone) if age(&connection) > MAY_STILL_COME => {
                return Outcome { connection, end: End::Gone };
            }
            Err(PushError::Gone) => {
                tokio::time::sleep(RETRY).await;
                return Outcome { connection, end: End::NotThere };
            }
            Err(PushError::Unavailable(source)) => {
                tracing::warn!(connection = connection.id, error = source, "push failed, trying again");
                tokio::time::sleep(RETRY).await;
                break;
            }
        }
        connection.position += 1;
    }
    Outcome { connection, end: End::Sent }
}

fn age(connection: &Connection) -> Duration {
    let millis = now().millis() - connection.connected_at.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
