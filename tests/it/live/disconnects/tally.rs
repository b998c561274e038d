//! What happened in a run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::subscriber::Subscriber;
use crate::system::Backend;

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) disconnects: u64,
    /// Servers killed and started again.
    pub(super) restarts: u64,
    pub(super) clients: u64,
    pub(super) connections: u64,
    pub(super) sockets: u64,
    pub(super) seen: u64,
    pub(super) repeats: u64,
    pub(super) time: Duration,
}

impl Tally {
    pub(super) fn add(&mut self, subscriber: &Subscriber) {
        self.clients += 1;
        self.connections += subscriber.connections;
        self.sockets += subscriber.sockets;
        self.seen += subscriber.seen() as u64;
        self.repeats += subscriber.repeats;
    }

    fn rows(&self) -> [(&'static str, u64); 9] {
        [
            ("events logged", self.events),
            ("clients cut off", self.disconnects),
            ("servers killed and started again", self.restarts),
            ("clients", self.clients),
            ("connections", self.connections),
            ("… that became WebSockets", self.sockets),
            ("events seen for the first time", self.seen),
            ("… and once more", self.repeats),
            ("seconds", self.time.as_secs()),
        ]
    }
}

/// By backend.
static TALLIES: Mutex<Vec<(Backend, Tally)>> = Mutex::new(Vec::new());

pub(super) fn add(backend: Backend, tally: Tally) {
    TALLIES.lock().unwrap_or_else(PoisonError::into_inner).push((backend, tally));
}

/// In a long run, what happened in all that went well.
pub(crate) fn print_summary() {
    let tallies = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    if super::asked_for().is_none() {
        return;
    }
    for (backend, tally) in &*tallies {
        println!("disconnects on {backend:?}");
        for (name, count) in tally.rows() {
            println!("{name:<40}{count:>12}");
        }
    }
}
