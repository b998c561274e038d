//! Samples, aims and how they are shown.

use std::time::Duration;

/// Times of the same thing.
#[derive(Clone, Default)]
pub(crate) struct Samples(Vec<Duration>);

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    AtMost(f64),
    Below(f64),
}

impl Samples {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// In milliseconds.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// Median, 5th and 95th percentile.
    pub(crate) fn spread(&self) -> String {
        let [low, median, high] = [5, 50, 95].map(|percent| self.percentile(percent));
        format!("{median:.3} ({low:.3}–{high:.3})")
    }

    fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.0.clone();
        times.sort_unstable();
        let nth = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(nth).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Prints one figure with its aim.
pub(crate) fn verdict(what: &str, figure: f64, unit: &str, aim: Aim) {
    let (is_met, aim) = match aim {
        Aim::AtMost(bound) => (figure <= bound, format!("≤ {bound}")),
        Aim::Below(bound) => (figure < bound, format!("< {bound}")),
    };
    let verdict = if is_met { "met" } else { "missed" };
    println!("{what:<36} {figure:>7.3} {unit:<14} aim {aim:<7} {verdict}");
}
