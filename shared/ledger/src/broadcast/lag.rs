//! Who is served, and how far behind they are.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::window::{Window, read};
use crate::{Connection, EventStore, Seq, StoreError, Timestamp, now};

/// How often a long run reports.
const REPORT: Duration = Duration::from_secs(10);

/// The connections that the owner knows.
#[derive(Default)]
pub(super) struct Lag {
    known: HashMap<String, Known>,
    reported: Option<Instant>,
}

struct Known {
    /// Before the delivery that is under way, if there is one; `None` for one that has all of the window.
    position: Option<Seq>,
    connected_at: Timestamp,
}

impl Lag {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// False if it was known.
    pub(super) fn join(&mut self, Connection { id, position, connected_at, .. }: &Connection) -> bool {
        let known = Known { position: Some(*position), connected_at: *connected_at };
        let is_new = !self.known.contains_key(id);
        if is_new {
            self.known.insert(id.clone(), known);
        }
        is_new
    }

    pub(super) fn advance(&mut self, connection: &Connection) {
        if let Some(known) = self.known.get_mut(&connection.id) {
            known.position = Some(connection.position);
        }
    }

    pub(super) fn caught_up(&mut self, id: &str) {
        if let Some(known) = self.known.get_mut(id) {
            known.position = None;
        }
    }

    pub(super) fn leave(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// Whether it is time for the next report: the first one is due at once.
    pub(super) fn is_due(&self) -> bool {
        self.reported.is_none_or(|reported| reported.elapsed() >= REPORT)
    }

    /// Writes the line that metrics are made of: INFO, `message` "broadcast", `connections` how many there are,
    /// `lagMillis` for how many milliseconds the oldest event that somebody has yet to get has been waiting (since it
    /// was logged or, if that is later, since that connection came); 0 if all have all.
    pub(super) async fn report<L: EventStore>(
        &mut self,
        log: &L,
        window: &Window,
        end: Seq,
    ) -> Result<(), StoreError> {
        self.reported = Some(Instant::now());
        let position = |known: &Known| known.position.unwrap_or(window.end());
        let furthest = self.known.values().min_by_key(|known| position(known));
        let millis = match furthest.map(|known| (position(known), known.connected_at)) {
            Some((position, connected_at)) if position < end => {
                let logged = match window.logged(position) {
                    Some(logged) => logged,
                    None => read(log, position).await?.first().map_or(connected_at, |event| event.timestamp),
                };
                (now().millis() - logged.max(connected_at).millis()).max(0)
            }
            _ => 0,
        };
        tracing::info!(connections = self.known.len(), lagMillis = millis, "broadcast");
        Ok(())
    }
}
