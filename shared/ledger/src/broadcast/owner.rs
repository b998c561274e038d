//! The owner of a lease: knows every connection and keeps each of them busy or caught up.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::delivery::{End, Outcome, deliver};
use super::lag::Lag;
use super::window::{self, Window};
use super::{Alarm, Ended, LEASE, Push, Until};
use crate::{Connection, ConnectionStore, EventStore, Head, Seq, StoreError};

/// How often the lease is renewed and positions are stored (a crash repeats at most so much), and how late an
/// event may come to a connection that was stored just after the alarm rang for it.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long the posts that are under way may still take when the owner stops.
const FAREWELL: Duration = Duration::from_secs(1);

type Delivery<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// A connection is caught up, behind, or in the hands of a delivery under way.
pub(super) struct Owner<'a, L, C, P> {
    log: &'a L,
    connections: &'a C,
    push: &'a P,
    name: &'a str,
    lease_until: Instant,
    /// The last look at the connection store.
    mark: Option<i64>,
    window: Window,
    /// Place behind the last event of the log at the last look.
    end: Seq,
    lag: Lag,
    caught_up: Vec<Connection>,
    behind: Vec<Connection>,
    under_way: FuturesUnordered<Delivery<'a>>,
    /// Tells the deliveries under way.
    stopping: Arc<AtomicBool>,
    /// Positions that moved since they were stored.
    moved: HashMap<String, Seq>,
}

impl<'a, L: EventStore, C: ConnectionStore, P: Push> Owner<'a, L, C, P> {
    /// One who has just been given the lease.
    pub(super) fn new(log: &'a L, connections: &'a C, push: &'a P, name: &'a str) -> Self {
        Self {
            log,
            connections,
            push,
            name,
            lease_until: Instant::now() + LEASE,
            mark: None,
            window: Window::default(),
            end: 0,
            lag: Lag::default(),
            caught_up: Vec::new(),
            behind: Vec::new(),
            under_way: FuturesUnordered::new(),
            stopping: Arc::default(),
            moved: HashMap::new(),
        }
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
            // The fastest sets the pace: events that nobody is ready for would only crowd out others.
            let reading = !self.caught_up.is_empty() && self.window.end() < self.end;
            if until == Until::CaughtUp && self.under_way.is_empty() && !reading {
                return Ok(Ended::CaughtUp);
            }
            if !reading && self.lag.is_due() {
                self.report().await?;
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(Ended::Stopped),
                Some(outcome) = self.under_way.next() => self.settle(outcome)?,
                () = alarm.ring() => self.look().await?,
                () = std::future::ready(()), if reading => self.read_on().await?,
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
        self.stopping.store(true, Ordering::Relaxed);
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
        self.lag.report(self.log, &self.window, self.end).await
    }

    /// Looks once more, whether there is anything to send after all.
    pub(super) async fn has_more(&mut self) -> Result<bool, StoreError> {
        self.look().await?;
        Ok(self.behind.iter().chain(&self.caught_up).any(|connection| connection.position < self.end))
    }

    /// Stores the positions that moved.
    pub(super) async fn save(&mut self) -> Result<(), StoreError> {
        if !self.moved.is_empty() {
            let positions: Vec<_> = self.moved.iter().map(|(id, seq)| (id.clone(), *seq)).collect();
            self.connections.advance(&positions).await?;
            self.moved.clear();
        }
        Ok(())
    }

    async fn renew(&mut self) -> Result<bool, StoreError> {
        let asked = Instant::now();
        let mine = asked < self.lease_until && self.connections.lease(self.name, LEASE).await?;
        self.lease_until = asked + LEASE;
        Ok(mine)
    }

    /// Learns who has come and, if there is anyone to tell, how far the log goes.
    async fn look(&mut self) -> Result<(), StoreError> {
        let joined = self.connections.joined(self.mark).await?;
        let first_look = self.mark.replace(joined.mark).is_none();
        for connection in joined.connections {
            if self.lag.join(&connection) {
                self.behind.push(connection);
            }
        }
        self.end = Head::next_seq(self.log.head().await?.as_ref());
        if first_look || self.lag.is_empty() {
            // Those who lack only the newest events share one reading of them.
            let newest = self.end.saturating_sub(window::MAX_EVENTS as Seq)..self.end;
            let positions = self.behind.iter().map(|connection| connection.position);
            let first = positions.filter(|position| newest.contains(position)).min();
            self.window.skip_to(first.unwrap_or(self.end));
        }
        Ok(())
    }

    /// Reads a little of what the window still lacks, so that a long way to go does not keep anyone waiting.
    async fn read_on(&mut self) -> Result<(), StoreError> {
        self.window.read_on(self.log).await?;
        self.behind.append(&mut self.caught_up);
        Ok(())
    }

    /// Starts a delivery for everyone who is behind.
    fn send_off(&mut self) {
        let (log, connections, push) = (self.log, self.connections, self.push);
        for connection in std::mem::take(&mut self.behind) {
            if connection.position >= self.window.end() {
                self.caught_up.push(connection);
            } else {
                let messages = self.window.from(connection.position);
                let stopping = self.stopping.clone();
                self.under_way.push(Box::pin(async move {
                    deliver(log, connections, push, connection, messages, &stopping).await
                }));
            }
        }
    }

    fn settle(&mut self, Outcome { connection, end }: Outcome) -> Result<(), StoreError> {
        self.moved.insert(connection.id.clone(), connection.position);
        self.lag.advance(&connection);
        match end? {
            End::Sent => self.behind.push(connection),
            End::Gone => {
                self.lag.leave(&connection.id);
                self.moved.remove(&connection.id);
            }
        }
        Ok(())
    }
}
