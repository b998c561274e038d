//! What an owner knows of the connections, and of the log.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::audience::Audience;
use super::lag::Lag;
use super::window::{self, Window};
use crate::{Connection, ConnectionStore, EventStore, Head, Seq, StoreError};

/// How often to look at all connections, not only at those that are new: a look at the new ones may miss one whose
/// `$connect` took long, and tells nothing of those that left.
const LOOK_AT_ALL: Duration = Duration::from_secs(30);

/// Each connection is known to `lag`, and is in the audience, behind, or in the hands of a delivery.
#[derive(Default)]
pub(super) struct Memory {
    /// The last look at the connection store, and the last one at all of it.
    mark: Option<i64>,
    looked_at_all: Option<Instant>,
    pub(super) window: Window,
    /// Place behind the last event of the log at the last look.
    pub(super) end: Seq,
    pub(super) lag: Lag,
    pub(super) audience: Audience,
    pub(super) behind: Vec<Connection>,
    /// The end of the window when the positions of all were stored.
    pub(super) all_stored: Seq,
}

impl Memory {
    /// Learns who has come and, if there is anyone to tell, how far the log goes.
    pub(super) async fn look(
        &mut self,
        log: &impl EventStore,
        connections: &impl ConnectionStore,
    ) -> Result<(), StoreError> {
        let all = self.looked_at_all.is_none_or(|last| last.elapsed() >= LOOK_AT_ALL);
        let joined = connections.joined(self.mark.filter(|_| !all)).await?;
        let is_first = self.mark.replace(joined.mark).is_none();
        if all {
            self.looked_at_all = Some(Instant::now());
            self.forget_all_but(&joined.connections);
        }
        for connection in joined.connections {
            if self.lag.join(&connection) {
                self.behind.push(connection);
            }
        }
        self.end = Head::next_seq(log.head().await?.as_ref());
        if is_first || self.lag.is_empty() {
            // Those who lack only the newest events share one reading of them.
            let newest = self.end.saturating_sub(window::MAX_EVENTS as Seq)..self.end;
            let positions = self.behind.iter().map(|connection| connection.position);
            let first = positions.filter(|position| newest.contains(position)).min();
            self.window.skip_to(first.unwrap_or(self.end));
            self.all_stored = self.all_stored.max(self.window.end());
        }
        Ok(())
    }

    /// Of the audience; who is behind will be found gone when it is sent something.
    fn forget_all_but(&mut self, connections: &[Connection]) {
        let there: HashSet<_> = connections.iter().map(|connection| connection.id.as_str()).collect();
        let lag = &mut self.lag;
        self.audience.retain(|connection| {
            let is_there = there.contains(connection.id.as_str());
            if !is_there {
                lag.leave(&connection.id);
            }
            is_there
        });
    }

    /// Whether events that the log is known to have were not read yet, and somebody waits for them. The fastest set
    /// the pace: events that nobody is ready for would only crowd out others.
    pub(super) fn is_reading(&self) -> bool {
        !self.audience.is_empty() && self.window.end() < self.end
    }

    /// Reads a little of what the window still lacks, so that a long way to go does not keep anyone waiting. Who wants
    /// any of it is behind then.
    pub(super) async fn read_on(&mut self, log: &impl EventStore) -> Result<(), StoreError> {
        let start = self.window.end();
        for filter in self.window.read_on(log).await? {
            for mut connection in self.audience.rise(&filter) {
                connection.position = connection.position.max(start);
                self.lag.advance(&connection);
                self.behind.push(connection);
            }
        }
        Ok(())
    }

    /// Seats one that has all it wants of the window.
    pub(super) fn seat(&mut self, connection: Connection) {
        self.lag.caught_up(&connection.id);
        self.audience.seat(connection);
    }
}
