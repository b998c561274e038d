//! The owner of a lease: knows every connection and keeps each of them busy or caught up.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::delivery::{End, Outcome, deliver};
use super::window::Window;
use super::{Alarm, Ended, LEASE, Push, Until};
use crate::{Connection, ConnectionStore, EventStore, Head, Seq, StoreError};

/// How often the lease is renewed and positions are stored (a crash repeats at most so much), and how late an
/// event may come to a connection that was stored just after the alarm rang for it.
const HEARTBEAT: Duration = Duration::from_secs(2);

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
    known: HashSet<String>,
    caught_up: Vec<Connection>,
    behind: Vec<Connection>,
    under_way: FuturesUnordered<Delivery<'a>>,
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
            known: HashSet::new(),
            caught_up: Vec::new(),
            behind: Vec::new(),
            under_way: FuturesUnordered::new(),
            moved: HashMap::new(),
        }
    }

    /// Place behind the last event that the owner knows of.
    pub(super) fn end(&self) -> Seq {
        self.end
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
            self.read_on().await?;
            self.send_off();
            let reading = self.window.end() < self.end;
            if until == Until::CaughtUp && self.under_way.is_empty() && !reading {
                return Ok(Ended::CaughtUp);
            }
            tokio::select! {
                () = stop.as_mut() => return Ok(Ended::Stopped),
                Some(outcome) = self.under_way.next() => self.settle(outcome).await?,
                () = alarm.ring() => self.look().await?,
                () = std::future::ready(()), if reading => {}
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
            if self.known.insert(connection.id.clone()) {
                self.behind.push(connection);
            }
        }
        let nobody_waits = self.known.is_empty();
        self.end = Head::next_seq(self.log.head().await?.as_ref());
        if first_look || nobody_waits {
            self.window.skip_to(self.end);
        }
        Ok(())
    }

    /// Reads a little of what the window still lacks, so that a long way to go does not keep anyone waiting.
    async fn read_on(&mut self) -> Result<(), StoreError> {
        if self.window.end() < self.end {
            self.window.read_on(self.log).await?;
            self.behind.append(&mut self.caught_up);
        }
        Ok(())
    }

    /// Starts a delivery for everyone who is behind.
    fn send_off(&mut self) {
        let (log, push) = (self.log, self.push);
        for connection in std::mem::take(&mut self.behind) {
            if connection.position >= self.window.end() {
                self.caught_up.push(connection);
            } else {
                let messages = self.window.from(connection.position);
                self.under_way.push(Box::pin(deliver(log, push, connection, messages)));
            }
        }
    }

    async fn settle(&mut self, Outcome { connection, end }: Outcome) -> Result<(), StoreError> {
        match end {
            End::Sent => {}
            End::Gone => {
                self.connections.remove(&connection.id).await?;
                self.forget(&connection.id);
                return Ok(());
            }
            // One that has not quite come yet looks like one that has already left; the store knows.
            End::NotThere => {
                if !self.connections.contains(&connection.id).await? {
                    self.forget(&connection.id);
                    return Ok(());
                }
            }
            End::Unread(error) => return Err(error),
        }
        self.moved.insert(connection.id.clone(), connection.position);
        self.behind.push(connection);
        Ok(())
    }

    fn forget(&mut self, id: &str) {
        self.known.remove(id);
        self.moved.remove(id);
    }
}
