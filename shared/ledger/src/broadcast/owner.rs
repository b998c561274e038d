//! The owner of a lease: keeps each connection busy or caught up.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::delivery::{Desk, End, Load, Outcome};
use super::memory::Memory;
use super::{Alarm, Ended, LEASE, Push, Until};
use crate::{ConnectionStore, EventStore, Lease, Seq, StoreError};

/// How often the lease is renewed and positions are stored (a crash repeats at most so much), and how late an
/// event may come to a connection that was stored just after the alarm rang for it.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long the posts that are under way may still take when the owner stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// After so many events the positions of those who did not want them are stored, too. It repeats nothing if they are
/// not, but whoever takes over has so much to look through.
const UNWANTED: Seq = 256;

type Delivery<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

pub(super) struct Owner<'a, L, C, P> {
    desk: &'a Desk<'a, L, C, P>,
    name: &'a str,
    lease_until: Instant,
    memory: Memory,
    under_way: FuturesUnordered<Delivery<'a>>,
    /// Positions that moved since they were stored.
    moved: HashMap<String, Seq>,
}

impl<'a, L: EventStore, C: ConnectionStore, P: Push> Owner<'a, L, C, P> {
    /// One who has just been given the lease.
    pub(super) fn new(desk: &'a Desk<'a, L, C, P>, name: &'a str, memory: Memory) -> Self {
        let lease_until = Instant::now() + LEASE;
        let (under_way, moved) = (FuturesUnordered::new(), HashMap::new());
        Self { desk, name, lease_until, memory, under_way, moved }
    }

    pub(super) async fn serve(
        &mut self,
        alarm: &mut impl Alarm,
        until: Until,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<Ended, StoreError> {
        let mut heartbeat = interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        self.look().await?;
        loop {
            self.send_off();
            let reading = self.memory.is_reading();
            if until == Until::CaughtUp && self.under_way.is_empty() && !reading {
                return Ok(Ended::CaughtUp);
            }
            if !reading && self.memory.lag.is_due() {
                self.report().await?;
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(Ended::Stopped),
                Some(outcome) = self.under_way.next() => {
                    self.settle(outcome)?;
                    // All that are there: what else there is to do must not let thousands wait, one by one.
                    while let Some(Some(outcome)) = self.under_way.next().now_or_never() {
                        self.settle(outcome)?;
                    }
                }
                () = alarm.ring() => self.look().await?,
                () = std::future::ready(()), if reading => self.memory.read_on(self.desk.log).await?,
                _ = heartbeat.tick() => {
                    self.save().await?;
                    if !self.renew().await? {
                        return Ok(Ended::LeaseLost);
                    }
                    self.look().await?;
                }
            }
        }
    }

    /// Lets the posts that are under way end: what is cut off would be sent once more by the next owner.
    pub(super) async fn finish(&mut self) {
        self.desk.stop();
        let settled = async {
            while let Some(outcome) = self.under_way.next().await {
                // What went wrong is for the next owner to find.
                let _ = self.settle(outcome);
            }
        };
        let _ = timeout(FAREWELL, settled).await;
    }

    /// Tells the log how far behind the connections are.
    pub(super) async fn report(&mut self) -> Result<(), StoreError> {
        self.memory.lag.report(self.desk.log, &self.memory.window, self.memory.end).await
    }

    /// Looks once more, whether there is anything to send after all.
    pub(super) async fn has_more(&mut self) -> Result<bool, StoreError> {
        self.look().await?;
        let Memory { behind, end, .. } = &self.memory;
        Ok(self.memory.is_reading() || behind.iter().any(|connection| connection.position < *end))
    }

    /// Stores the positions that moved.
    pub(super) async fn save(&mut self) -> Result<(), StoreError> {
        let end = self.memory.window.end();
        if end >= self.memory.all_stored + UNWANTED {
            let unmoved = self.memory.audience.choosy();
            self.moved
                .extend(unmoved.map(|connection| (connection.id.clone(), connection.position.max(end))));
            self.memory.all_stored = end;
        }
        if !self.moved.is_empty() {
            let positions: Vec<_> = self.moved.iter().map(|(id, seq)| (id.clone(), *seq)).collect();
            self.desk.connections.advance(&positions).await?;
            self.moved.clear();
        }
        Ok(())
    }

    /// What the next term begins with, unless a delivery was cut off: of its connection nothing is known.
    pub(super) fn into_memory(self) -> Option<Memory> {
        self.under_way.is_empty().then_some(self.memory)
    }

    async fn renew(&mut self) -> Result<bool, StoreError> {
        let asked = Instant::now();
        let mine =
            asked < self.lease_until && self.desk.connections.lease(self.name, LEASE).await? == Lease::Kept;
        self.lease_until = asked + LEASE;
        Ok(mine)
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        self.memory.look(self.desk.log, self.desk.connections).await
    }

    /// Starts a delivery for everyone who is behind.
    fn send_off(&mut self) {
        for mut connection in std::mem::take(&mut self.memory.behind) {
            let load = match self.memory.window.from(connection.position, &connection.filter) {
                Some(stretch) if stretch.messages.is_empty() => {
                    connection.position = stretch.to;
                    self.memory.seat(connection);
                    continue;
                }
                Some(stretch) => Load::Stretch(stretch),
                None => Load::Replay(self.memory.end),
            };
            let desk = self.desk;
            self.under_way.push(Box::pin(async move { desk.deliver(connection, load).await }));
        }
    }

    fn settle(&mut self, Outcome { connection, end }: Outcome) -> Result<(), StoreError> {
        self.moved.insert(connection.id.clone(), connection.position);
        self.memory.lag.advance(&connection);
        if let Ok(End::Gone) = end {
            self.memory.lag.leave(&connection.id);
            self.moved.remove(&connection.id);
            return Ok(());
        }
        // Also after an error: the memory may outlive this owner, and must have everyone in it.
        self.memory.behind.push(connection);
        end.map(drop)
    }
}
