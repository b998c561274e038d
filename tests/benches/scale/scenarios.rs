//! What is tried.

use std::time::Duration;

use eventlog_lambda::Mode;

use super::clients::Crowd;

/// Clients, events and how the function is run.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) crowds: &'static [Crowd],
    /// So many bursts of so many events, each so long after the one before.
    pub(crate) bursts: usize,
    pub(crate) at_once: usize,
    pub(crate) pause: Duration,
    pub(crate) mode: Mode,
    /// How often the schedule starts a run, and the timeout of the function, as `template.yaml` has them.
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    /// Requests of others in a second, where that is what is tried.
    pub(crate) others: Option<u32>,
    /// Whether it is part of `--quick`.
    pub(crate) quick: bool,
}

const ALL: Crowd = Crowd { clients: 0, sources: 0, batch: false, behind: 0, comes: None };

/// Clients that want everything.
const fn all(clients: usize) -> Crowd {
    Crowd { clients, ..ALL }
}

/// Clients that want everything, in arrays.
const fn batch(clients: usize) -> Crowd {
    Crowd { clients, batch: true, ..ALL }
}

/// Clients that want a source each.
const fn choosy(clients: usize) -> Crowd {
    Crowd { clients, sources: clients, ..ALL }
}

const STEADY: Scenario = Scenario {
    name: "",
    crowds: &[],
    bursts: 0,
    at_once: 1,
    pause: Duration::ZERO,
    mode: Mode::Polling,
    every: Duration::from_secs(60),
    timeout: Duration::from_secs(75),
    others: None,
    quick: false,
};

/// So many events, so many milliseconds apart.
const fn steady(name: &'static str, crowds: &'static [Crowd], bursts: usize, pause: u64) -> Scenario {
    Scenario { name, crowds, bursts, pause: Duration::from_millis(pause), ..STEADY }
}

/// So many events at once.
const fn burst(name: &'static str, crowds: &'static [Crowd], at_once: usize) -> Scenario {
    Scenario { name, crowds, bursts: 1, at_once, ..STEADY }
}

/// Told by a trigger.
const fn triggered(scenario: Scenario) -> Scenario {
    Scenario { mode: Mode::Trigger, ..scenario }
}

const fn quick(scenario: Scenario) -> Scenario {
    Scenario { quick: true, ..scenario }
}

pub(crate) const BELOW_1: &str = "1,000: 1 event/s";
pub(crate) const AT_10: &str = "10,000: 0.5 events/s";
pub(crate) const FEW_SOURCES: &str = "1,000 with a source each: 50 events/s";
pub(crate) const MANY_SOURCES: &str = "10,000 with a source each: 50 events/s";
pub(crate) const LIVE_ALONE: &str = "500: 2 events/s";
pub(crate) const LIVE_WITH_LAGGERS: &str = "the same, and 200 that lack 1,000 events";
pub(crate) const BATCHED: &str = "100,000, batch=1: 2 events/s";

/// All of it.
pub(crate) const SCENARIOS: &[Scenario] = &[
    quick(steady(BELOW_1, &[all(1_000)], 15, 1_000)),
    triggered(steady("1,000, trigger: 1 event/s", &[all(1_000)], 15, 1_000)),
    steady("1,000: 5 events/s", &[all(1_000)], 75, 200),
    steady("1,000: 8 events/s", &[all(1_000)], 120, 125),
    steady("1,000, batch=1: 8 events/s", &[batch(1_000)], 120, 125),
    quick(burst("1,000: 20 events at once", &[all(1_000)], 20)),
    triggered(burst("1,000, trigger: 20 events at once", &[all(1_000)], 20)),
    Scenario {
        every: Duration::from_secs(8),
        timeout: Duration::from_secs(11),
        ..steady("1,000: 1 event/s, a new run every 8 s", &[all(1_000)], 40, 1_000)
    },
    Scenario {
        every: Duration::from_secs(6),
        timeout: Duration::from_secs(9),
        ..steady(
            "2,000, and 4,000 more after 4 s: 0.5 events/s",
            &[all(2_000), Crowd { comes: Some(4), ..all(4_000) }],
            20,
            2_000,
        )
    },
    steady("10,000: 0.2 events/s", &[all(10_000)], 5, 5_000),
    triggered(steady("10,000, trigger: 0.2 events/s", &[all(10_000)], 5, 5_000)),
    steady(AT_10, &[all(10_000)], 15, 2_000),
    Scenario {
        others: Some(4_500),
        ..steady("10,000: 0.5 events/s, others 4,500/s", &[all(10_000)], 10, 2_000)
    },
    steady("10,000: 0.8 events/s", &[all(10_000)], 16, 1_250),
    steady("10,000, batch=1: 10 events/s", &[batch(10_000)], 200, 100),
    quick(steady(FEW_SOURCES, &[choosy(1_000)], 500, 20)),
    quick(steady(MANY_SOURCES, &[choosy(10_000)], 500, 20)),
    triggered(steady("1,000 with a source each, trigger: 5 events/s", &[choosy(1_000)], 50, 200)),
    triggered(steady("10,000 with a source each, trigger: 5 events/s", &[choosy(10_000)], 50, 200)),
    steady(LIVE_ALONE, &[all(500)], 40, 500),
    steady(LIVE_WITH_LAGGERS, &[all(500), Crowd { behind: 1_000, ..all(200) }], 40, 500),
    steady(
        "500: 1 event/s, and 1,000 that lack 100",
        &[all(500), Crowd { behind: 100, ..all(1_000) }],
        20,
        1_000,
    ),
    burst("100,000: an event", &[all(100_000)], 1),
    triggered(burst("100,000, trigger: an event", &[all(100_000)], 1)),
    steady("100,000: 0.05 events/s", &[all(100_000)], 3, 20_000),
    triggered(burst("100,000, trigger: 6 events at once", &[all(100_000)], 6)),
    steady(BATCHED, &[batch(100_000)], 100, 500),
];
