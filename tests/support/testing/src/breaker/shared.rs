//! The state that a breaker shares with its connections.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::faults::{Fault, FaultCounts, Faults};
use crate::Random;

pub(super) struct Shared {
    pub(super) upstream: Mutex<String>,
    pub(super) faults: Mutex<Faults>,
    pub(super) counts: Mutex<FaultCounts>,
    random: Mutex<Random>,
    /// Number of commands so far.
    pub(super) commands: watch::Sender<u64>,
    /// Number of messages that are still to be repeated.
    pub(super) pending_repeats: watch::Sender<u64>,
    /// True while pending repeats must be sent at once.
    pub(super) release: watch::Sender<bool>,
    /// Signals that all present connections hang.
    pub(super) hang: watch::Sender<()>,
}

/// Locks a mutex, poisoned or not: no panic can leave these values half-written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(upstream: String, random: Random) -> Self {
        Self {
            upstream: Mutex::new(upstream),
            faults: Mutex::default(),
            counts: Mutex::default(),
            random: Mutex::new(random),
            commands: watch::Sender::default(),
            pending_repeats: watch::Sender::default(),
            release: watch::Sender::default(),
            hang: watch::Sender::default(),
        }
    }

    /// Counts a command and draws its fault.
    pub(super) fn draw_fault(&self, command: &str) -> Option<Fault> {
        let faults = *lock(&self.faults);
        self.commands.send_modify(|count| *count += 1);
        faults.draw(command, &mut lock(&self.random))
    }

    /// Sleeps for the delay of one direction.
    pub(super) async fn delay(&self) {
        let faults = *lock(&self.faults);
        let delay = faults.draw_delay(&mut lock(&self.random));
        // Even the shortest sleep takes a millisecond.
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    /// Draws the command count at which a repeat is due.
    pub(super) fn draw_repeat(&self) -> u64 {
        let max = lock(&self.faults).max_repeat_delay;
        *self.commands.borrow() + 1 + lock(&self.random).below(max)
    }
}
