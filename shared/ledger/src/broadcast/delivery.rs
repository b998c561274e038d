//! One delivery: some messages, in order, to one connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::{Push, PushError, window};
use crate::{Connection, ConnectionStore, EventStore, StoreError, now};

/// What came of a delivery: the connection, its position moved past what was sent.
pub(super) struct Outcome {
    pub(super) connection: Connection,
    pub(super) end: Result<End, StoreError>,
}

pub(super) enum End {
    /// Some or all was sent; go on at once.
    Sent,
    /// The connection is gone for good.
    Gone,
}

/// To the gateway a connection whose `$connect` has not returned does not exist. One that is older than this
/// is not waited for: `$connect` has 30 s at most.
const MAY_STILL_COME: Duration = Duration::from_secs(30);
/// How long to wait after a message was not taken: at first, and at most. A gateway that has had too much is
/// not helped by more.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After so long a delivery ends early, so that its position can be stored.
const LONG: Duration = Duration::from_secs(1);

/// Sends `messages` to the connection or, where there are none because it is too far behind for the shared
/// window, a page that is read for it alone. Ends after the message that it is at once `stopping` is set.
pub(super) async fn deliver<L: EventStore, C: ConnectionStore, P: Push>(
    log: &L,
    connections: &C,
    push: &P,
    mut connection: Connection,
    messages: Option<Vec<Bytes>>,
    stopping: &AtomicBool,
) -> Outcome {
    let end = async {
        let messages = match messages {
            Some(messages) => messages,
            None => {
                let events = window::read(log, connection.position).await?;
                events.iter().map(|event| event.to_json().into()).collect()
            }
        };
        send(connections, push, &mut connection, messages, stopping).await
    };
    let end = end.await;
    Outcome { connection, end }
}

async fn send<C: ConnectionStore, P: Push>(
    connections: &C,
    push: &P,
    connection: &mut Connection,
    messages: Vec<Bytes>,
    stopping: &AtomicBool,
) -> Result<End, StoreError> {
    let is_stopping = || stopping.load(Ordering::Relaxed);
    let started = Instant::now();
    for message in messages {
        let mut pause = PAUSE;
        while let Err(error) = push.post(&connection.id, message.clone()).await {
            match error {
                PushError::Refused(reason) => {
                    tracing::error!(
                        connection = connection.id,
                        seq = connection.position,
                        reason,
                        "never delivered"
                    );
                    break;
                }
                PushError::Gone if is_gone(connections, connection).await? => return Ok(End::Gone),
                PushError::Gone => {}
                PushError::Unavailable(source) => {
                    tracing::warn!(connection = connection.id, error = source, "push failed, trying again");
                }
            }
            if is_stopping() {
                return Ok(End::Sent);
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        connection.position += 1;
        if started.elapsed() > LONG || is_stopping() {
            break;
        }
    }
    Ok(End::Sent)
}

/// One that has not quite come yet looks like one that has already left; the store knows.
async fn is_gone(connections: &impl ConnectionStore, connection: &Connection) -> Result<bool, StoreError> {
    if age(connection) > MAY_STILL_COME {
        connections.remove(&connection.id).await?;
        return Ok(true);
    }
    Ok(!connections.contains(&connection.id).await?)
}

fn age(connection: &Connection) -> Duration {
    let millis = now().millis() - connection.connected_at.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
