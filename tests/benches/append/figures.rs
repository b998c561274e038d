//! What was measured.

use std::time::Duration;

use super::strategy::Strategy;

/// One way, one number of writers, once.
#[derive(Clone, Copy)]
pub(crate) struct Phase {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// Commands that reached the server, for each event.
    pub(crate) commands: f64,
    /// The part of the cores' time, 0 to 1.
    pub(crate) busy: f64,
    /// Events that share their place with another.
    pub(crate) forks: f64,
}

impl Phase {
    pub(crate) fn new(
        time: Duration,
        mut latencies: Vec<Duration>,
        commands: u64,
        busy: f64,
        forks: usize,
    ) -> Self {
        latencies.sort_unstable();
        let events = latencies.len();
        // Milliseconds.
        let quantile = |of: f64| {
            let at = ((events as f64 * of) as usize).min(events.saturating_sub(1));
            latencies.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            per_second: events as f64 / time.as_secs_f64(),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: quantile(1.0),
            commands: commands as f64 / events as f64,
            busy,
            forks: forks as f64,
        }
    }
}

/// The rounds of one way with one number of writers: the median of each figure, the worst `max`.
pub(crate) struct Row {
    pub(crate) strategy: Strategy,
    pub(crate) writers: usize,
    pub(crate) figures: Phase,
}

impl Row {
    pub(crate) fn of(strategy: Strategy, writers: usize, phases: &[Phase]) -> Self {
        let sorted = |figure: fn(&Phase) -> f64| {
            let mut figures: Vec<f64> = phases.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let median = |figure| {
            let figures = sorted(figure);
            figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let figures = Phase {
            per_second: median(|phase| phase.per_second),
            p50: median(|phase| phase.p50),
            p99: median(|phase| phase.p99),
            max: sorted(|phase| phase.max).last().copied().unwrap_or(f64::NAN),
            commands: median(|phase| phase.commands),
            busy: median(|phase| phase.busy),
            forks: median(|phase| phase.forks),
        };
        Self { strategy, writers, figures }
    }
}
