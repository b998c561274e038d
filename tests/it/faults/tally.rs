//! What happened in one round, or in many.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eventlog_testing::FaultCounts;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) rounds: u64,
    /// Writers killed.
    pub(super) kills: u64,
    pub(super) cut_before: u64,
    pub(super) cut_after: u64,
    pub(super) forgotten: u64,
    pub(super) repeated: u64,
    pub(super) fail_overs: u64,
    /// Operations that no majority had.
    pub(super) rolled_back: u64,
    /// Servers killed and started again.
    pub(super) restarts: u64,
    pub(super) posts: u64,
    pub(super) acknowledged: u64,
    /// Posts whose writer was killed.
    pub(super) crashed: u64,
    /// Events in the log.
    pub(super) found: u64,
    pub(super) found_unacknowledged: u64,
    pub(super) time: Duration,
}

impl Tally {
    pub(super) fn blows(&self) -> u64 {
        self.fail_overs + self.restarts
    }

    pub(super) fn set_fault_counts(&mut self, counts: FaultCounts) {
        (self.cut_before, self.cut_after) = (counts.cut_before, counts.cut_after);
        (self.forgotten, self.repeated) = (counts.hung, counts.repeated);
    }

    fn rows(&self) -> [(&'static str, u64); 15] {
        [
            ("rounds", self.rounds),
            ("writers killed", self.kills),
            ("connections cut before a command", self.cut_before),
            ("connections cut after the reply", self.cut_after),
            ("connections that hang after a command", self.forgotten),
            ("commands repeated late", self.repeated),
            ("fail-overs", self.fail_overs),
            ("operations they rolled back", self.rolled_back),
            ("servers killed and restarted", self.restarts),
            ("POSTs", self.posts),
            ("… acknowledged (201)", self.acknowledged),
            ("… answered 503: unknown", self.posts - self.acknowledged - self.crashed),
            ("… whose writer was killed", self.crashed),
            ("events in the log", self.found),
            ("… that nobody was told of", self.found_unacknowledged),
        ]
    }

    fn add(&mut self, other: &Self) {
        let Self { rounds, kills, cut_before, cut_after, repeated, fail_overs, rolled_back, .. } = other;
        self.rounds += rounds;
        self.kills += kills;
        self.cut_before += cut_before;
        self.cut_after += cut_after;
        self.repeated += repeated;
        self.fail_overs += fail_overs;
        self.rolled_back += rolled_back;
        self.forgotten += other.forgotten;
        self.restarts += other.restarts;
        self.posts += other.posts;
        self.acknowledged += other.acknowledged;
        self.crashed += other.crashed;
        self.found += other.found;
        self.found_unacknowledged += other.found_unacknowledged;
        self.time += other.time;
    }
}

/// By server.
static TALLIES: Mutex<BTreeMap<&'static str, Tally>> = Mutex::new(BTreeMap::new());

/// Takes a round to account and, in a long run, says how it went on.
pub(super) fn add(server: &'static str, seed: u64, round: &Tally) {
    let mut tallies = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    let sum = tallies.entry(server).or_default();
    sum.add(round);
    if super::kills_asked_for().is_some() {
        println!(
            "{server}: round {}, seed {seed}, {:.1} s: {} acknowledged, {} in the log; {} killed so far",
            sum.rounds,
            round.time.as_secs_f64(),
            round.acknowledged,
            round.found,
            sum.kills,
        );
    }
}

/// In a long run, what happened in all rounds that went well.
pub(crate) fn print_summary() {
    let tallies = TALLIES.lock().unwrap_or_else(PoisonError::into_inner);
    if super::kills_asked_for().is_none() || tallies.is_empty() {
        return;
    }
    let mut columns: Vec<_> = tallies.iter().map(|(server, tally)| (*server, *tally)).collect();
    let mut all = Tally::default();
    columns.iter().for_each(|(_, tally)| all.add(tally));
    columns.push(("all", all));
    let line = |name: &str, cells: Vec<String>| {
        let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>18}")).collect();
        println!("{name:<40}{}", cells.concat());
    };
    line("", columns.iter().map(|(server, _)| (*server).to_owned()).collect());
    for (row, (name, _)) in all.rows().iter().enumerate() {
        line(name, columns.iter().map(|(_, tally)| tally.rows()[row].1.to_string()).collect());
    }
    line("seconds", columns.iter().map(|(_, tally)| tally.time.as_secs().to_string()).collect());
}
