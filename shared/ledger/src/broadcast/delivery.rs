//! One delivery: some messages, in order, to one connection.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::window::{Stretch, replay};
use super::{Message, Push, PushError};
use crate::{Connection, ConnectionStore, EventStore, Seq, StoreError, now};

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

/// What is to be delivered.
pub(super) enum Load {
    /// This.
    Stretch(Stretch),
    /// What must be read for this connection alone, in a log that ends here: it is too far behind for the window.
    Replay(Seq),
}

/// To the gateway a connection whose `$connect` has not returned does not exist. One that is older than this
/// is not waited for: `$connect` has 30 s at most.
const MAY_STILL_COME: Duration = Duration::from_secs(30);
/// How long to wait after a message was not taken: at first, and at most. A gateway that has had too much is
/// not helped by more.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After so long a delivery ends early, so that its position can be stored; and if not even one message was taken by
/// then, somebody else's replay may begin.
const LONG: Duration = Duration::from_secs(1);

/// So many read for themselves at a time: a crowd that is far behind must not keep those waiting who are not.
const REPLAYS: usize = 32;

/// Deliveries that share what they need.
pub(super) struct Desk<'a, L, C, P> {
    pub(super) log: &'a L,
    pub(super) connections: &'a C,
    pub(super) push: &'a P,
    stopping: AtomicBool,
    /// Turns to read for oneself.
    replays: Semaphore,
}

impl<'a, L: EventStore, C: ConnectionStore, P: Push> Desk<'a, L, C, P> {
    pub(super) fn new(log: &'a L, connections: &'a C, push: &'a P) -> Self {
        let stopping = AtomicBool::new(false);
        Self { log, connections, push, stopping, replays: Semaphore::new(REPLAYS) }
    }

    /// Lets deliveries end with the message that they are at.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) async fn deliver(&self, mut connection: Connection, load: Load) -> Outcome {
        let end = async {
            let mut turn = None;
            let stretch = match load {
                Load::Stretch(stretch) => stretch,
                Load::Replay(end) => {
                    // Never closed.
                    turn = self.replays.acquire().await.ok();
                    if self.is_stopping() {
                        return Ok(End::Sent);
                    }
                    let (log, place, filter) =
                        (self.log.clone(), connection.position, connection.filter.clone());
                    match apart(async move { replay(&log, place, end, &filter).await }).await {
                        // It can be read by nobody, now or later, and must not end the run for all.
                        Err(StoreError::Corrupt { what, .. }) => {
                            tracing::error!(
                                connection = connection.id,
                                place,
                                what,
                                "cannot be read, and sent"
                            );
                            sleep(LONGEST_PAUSE).await;
                            return Ok(End::Sent);
                        }
                        read => read?,
                    }
                }
            };
            self.send(&mut connection, stretch, &mut turn).await
        };
        let end = end.await;
        Outcome { connection, end }
    }

    async fn send(
        &self,
        connection: &mut Connection,
        Stretch { mut messages, to }: Stretch,
        turn: &mut Option<SemaphorePermit<'_>>,
    ) -> Result<End, StoreError> {
        let started = Instant::now();
        let all = messages.len();
        let (mut done, mut most) = (0, usize::MAX);
        while done < messages.len() {
            let message = Message::pack(&messages[done..], connection.batch, most);
            let events = message.events();
            let posted = self.post(connection, message, || {
                // Who has no turn any more keeps nothing but the message that is under way.
                if turn.take().is_some() {
                    messages.truncate(done + events);
                }
            });
            match posted.await? {
                Posted::Taken => {}
                Posted::Refused(_) if events > 1 => {
                    most = 1;
                    continue;
                }
                Posted::Refused(reason) => {
                    let (id, seq) = (&connection.id, messages[done].0);
                    tracing::error!(connection = id, seq, reason, "never delivered");
                }
                Posted::Gone => return Ok(End::Gone),
                Posted::NotNow => return Ok(End::Sent),
            }
            done += events;
            let (last, _) = messages[done - 1];
            connection.position = messages.get(done).map_or(last + 1, |(place, _)| *place);
            if started.elapsed() > LONG || self.is_stopping() {
                return Ok(End::Sent);
            }
        }
        if messages.len() == all {
            connection.position = to;
        }
        Ok(End::Sent)
    }

    /// Tries until the message is taken, or never will be. Tells if that takes long.
    async fn post(
        &self,
        connection: &Connection,
        message: Message,
        mut takes_long: impl FnMut(),
    ) -> Result<Posted, StoreError> {
        let mut pause = PAUSE;
        loop {
            let mut attempt = pin!(self.push.post(&connection.id, message.clone()));
            let posted = match timeout(LONG, attempt.as_mut()).await {
                Ok(posted) => posted,
                Err(_) => {
                    takes_long();
                    attempt.await
                }
            };
            match posted {
                Ok(()) => return Ok(Posted::Taken),
                Err(PushError::Refused(reason)) => return Ok(Posted::Refused(reason)),
                Err(PushError::Gone) if self.is_gone(connection).await? => return Ok(Posted::Gone),
                Err(PushError::Gone) => {}
                Err(PushError::Unavailable(source)) => {
                    // At first it may be one of thousands that were too many for a moment.
                    if pause == LONGEST_PAUSE {
                        let id = &connection.id;
                        tracing::warn!(connection = id, error = source, "push failed, trying again");
                    }
                }
            }
            if self.is_stopping() {
                return Ok(Posted::NotNow);
            }
            if pause > LONG {
                takes_long();
            }
            sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// One that has not quite come yet looks like one that has already left; the store knows.
    async fn is_gone(&self, connection: &Connection) -> Result<bool, StoreError> {
        let (connections, id) = (self.connections.clone(), connection.id.clone());
        let is_old = age(connection) > MAY_STILL_COME;
        let ask = async move {
            if is_old {
                connections.remove(&id).await?;
                return Ok(true);
            }
            Ok(!connections.contains(&id).await?)
        };
        apart(ask).await
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Asks a store, in a task of its own. Who asks may hold one of the few connections to a database, and the owner does not
/// go on with its deliveries while it asks something itself: it would wait for a connection that they never give back.
async fn apart<T: Send + 'static>(
    ask: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(ask).await.unwrap_or_else(|ended| Err(StoreError::unavailable(ended.to_string())))
}

/// What became of a message.
enum Posted {
    Taken,
    Refused(String),
    /// So is the connection.
    Gone,
    /// The owner stops.
    NotNow,
}

fn age(connection: &Connection) -> Duration {
    let millis = now().millis() - connection.connected_at.millis();
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
