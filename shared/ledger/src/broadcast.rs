//! Broadcasting: every connection gets every event that it wants, in chain order.
//!
//! Whatever wakes the broadcaster is a hint; what to send it reads from the log. Each connection has a
//! position, the place of the next event to look at. One owner at a time (a lease says who) sends from there,
//! one message after the other, so the order is kept; each connection is served on its own, so a slow one
//! delays nobody.
//!
//! **Invariant:** a position moves only past what was sent or is not wanted. An owner that dies, or goes on after its lease
//! has lapsed, starts or stays at or before what was sent: a repeat is possible, a hole is not, and what a
//! client sees for the first time it sees in order.

mod audience;
mod delivery;
mod lag;
mod memory;
mod message;
mod owner;
mod window;

use std::future::Future;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{ConnectionStore, EventStore, Lease, StoreError};
use delivery::Desk;
use memory::Memory;
pub use message::Message;
use owner::Owner;

/// Sends one message to one connection.
pub trait Push: Clone + Send + Sync + 'static {
    /// Returns when the gateway has taken the message. Messages of one connection are sent one at a time.
    fn post(&self, connection: &str, message: Message) -> impl Future<Output = Result<(), PushError>> + Send;
}

/// A message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The connection is gone, or not quite there yet.
    #[error("the connection is gone")]
    Gone,
    /// This message will never be taken; another may be.
    #[error("the message is refused: {0}")]
    Refused(String),
    /// Not now: too many requests, or the gateway is out of order.
    #[error("the message is not taken now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Rings when the log may have grown. It may ring for nothing; it must not miss.
pub trait Alarm: Send {
    /// Waits for the next ring. Dropping the future loses no ring.
    fn ring(&mut self) -> impl Future<Output = ()> + Send;
}

/// Wakes a broadcaster that may be asleep. A hint: one that is lost delays, until the next one comes.
pub trait Wake: Clone + Send + Sync + 'static {
    /// Returns when the broadcaster will wake up, or cannot be woken.
    fn wake(&self) -> impl Future<Output = ()> + Send;
}

/// Rings at fixed intervals: for one who has nothing better.
#[derive(Debug)]
pub struct Every(Interval);

impl Every {
    /// Rings every so often. Must be called within a tokio runtime.
    pub fn new(period: Duration) -> Self {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl Alarm for Every {
    async fn ring(&mut self) {
        self.0.tick().await;
    }
}

/// When a run ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Once every connection has every event: something will wake us for the next one.
    CaughtUp,
    /// Not before it is stopped: nothing else will wake us.
    Stopped,
}

/// How long a lease lasts when its owner says no more.
const LEASE: Duration = Duration::from_secs(10);
/// How long to wait before asking for a lease that somebody else holds.
const LEASE_RETRY: Duration = Duration::from_secs(1);

/// Serves the connections of one share.
pub struct Broadcaster<L, C, P> {
    log: L,
    connections: C,
    push: P,
    /// Holds the lease.
    name: String,
    /// Of the last run, for the next one if nobody else served in between.
    memory: Option<Memory>,
}

impl<L: EventStore, C: ConnectionStore, P: Push> Broadcaster<L, C, P> {
    /// Knows nobody yet.
    pub fn new(log: L, connections: C, push: P) -> Self {
        Self { log, connections, push, name: crate::new_id().to_string(), memory: None }
    }

    /// Serves the connections until `until`, or until `stop` is ready. Stores the positions and gives the lease
    /// back before it returns. Answers whether it was stopped, and somebody else has to go on.
    pub async fn run(
        &mut self,
        mut alarm: impl Alarm,
        until: Until,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<bool, StoreError> {
        let mut stop = std::pin::pin!(stop);
        loop {
            let memory = match self.connections.lease(&self.name, LEASE).await? {
                Lease::Kept => self.memory.take().unwrap_or_default(),
                Lease::New => Memory::default(),
                // Who holds the lease looks at the log once more after giving it back, so our event is seen.
                Lease::Refused if until == Until::CaughtUp => return Ok(false),
                Lease::Refused => tokio::select! {
                    () = stop.as_mut() => return Ok(false),
                    () = tokio::time::sleep(LEASE_RETRY) => continue,
                },
            };
            let desk = Desk::new(&self.log, &self.connections, &self.push);
            let mut owner = Owner::new(&desk, &self.name, memory);
            let ended = owner.serve(&mut alarm, until, stop.as_mut()).await;
            owner.finish().await;
            let saved = owner.save().await;
            self.connections.release(&self.name).await?;
            saved?;
            if ended.is_ok() {
                owner.report().await?;
            }
            let ended = ended?;
            // What came after our last look woke somebody who found the lease taken and left.
            let goes_on = match ended {
                Ended::Stopped => false,
                Ended::CaughtUp => owner.has_more().await?,
                Ended::LeaseLost => true,
            };
            // Who has served meanwhile knows better.
            self.memory = owner.into_memory().filter(|_| ended != Ended::LeaseLost);
            if !goes_on {
                return Ok(ended == Ended::Stopped);
            }
        }
    }
}

/// One run of a broadcaster who knows nobody yet.
pub async fn run<L: EventStore, C: ConnectionStore, P: Push>(
    log: &L,
    connections: &C,
    push: &P,
    alarm: impl Alarm,
    until: Until,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), StoreError> {
    Broadcaster::new(log.clone(), connections.clone(), push.clone()).run(alarm, until, stop).await.map(drop)
}

/// Why an owner stopped serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    CaughtUp,
    Stopped,
    LeaseLost,
}
