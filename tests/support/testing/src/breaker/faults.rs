//! The faults of a breaker.

use std::time::Duration;

use crate::Random;

const WRITES: [&str; 4] = ["insert", "update", "delete", "findAndModify"];

/// The faults that happen to commands. Chances are in 1,000; the default has no fault. Commands that drivers send of
/// their own accord, for example `hello`, are delayed but have no other fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Delay of a round trip, half of it in each direction.
    pub latency: Duration,
    /// Maximum random addition to the latency.
    pub jitter: Duration,
    /// Chance that the connection is closed before the command reaches the server.
    pub cut_before: u64,
    /// Chance that the connection is closed after the server has executed the command, before its reply.
    pub cut_after: u64,
    /// Chance that the command reaches the server and the connection then hangs: it stays open and transmits nothing.
    pub hang: u64,
    /// Chance that a write command reaches the server again, byte by byte the same, on another connection.
    pub repeat: u64,
    /// Maximum number of other commands before such a repeat.
    pub max_repeat_delay: u64,
}

/// The number of faults that have happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Connections closed before a command reached the server.
    pub cut_before: u64,
    /// Connections closed after the server had replied.
    pub cut_after: u64,
    /// Connections that hang after a command.
    pub hung: u64,
    /// Commands that the server received and answered again.
    pub repeated: u64,
}

/// The fault of one command.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    CutBefore,
    CutAfter,
    Hang,
    Repeat,
}

impl Faults {
    /// Draws the fault of a command.
    pub(super) fn draw(&self, command: &str, random: &mut Random) -> Option<Fault> {
        let repeat = if WRITES.contains(&command) { self.repeat } else { 0 };
        let chances = [
            (Fault::CutBefore, self.cut_before),
            (Fault::CutAfter, self.cut_after),
            (Fault::Hang, self.hang),
            (Fault::Repeat, repeat),
        ];
        let drawn = random.below(1000);
        let mut below = 0;
        chances.into_iter().find_map(|(fault, chance)| {
            below += chance;
            (drawn < below).then_some(fault)
        })
    }

    /// Draws the delay of one direction.
    pub(super) fn draw_delay(&self, random: &mut Random) -> Duration {
        self.latency / 2 + random.time(self.jitter / 2)
    }
}
