//! What was measured.

use std::time::Duration;

use tokio::time::Instant;

use super::clients::Delivery;

/// Into so many equal parts the time from the first event to the last delivery is parted.
pub(crate) const PARTS: usize = 5;

/// Of one scenario.
pub(crate) struct Figures {
    pub(crate) events: usize,
    /// From the first event to the last delivery.
    pub(crate) seconds: f64,
    /// Messages in a second of them.
    pub(crate) posts: f64,
    /// Answered with 429: our messages, and requests of others.
    pub(crate) refused: u64,
    pub(crate) others_refused: u64,
    pub(crate) lag: Lag,
    /// Median of the lag in each part of the time, seconds.
    pub(crate) over_time: [f64; PARTS],
    pub(crate) runs: u64,
    pub(crate) instances: u64,
    pub(crate) repeats: u64,
    /// Commands to the stores in a second; an event: reads of events, connections read, positions written.
    pub(crate) commands: f64,
    pub(crate) pages: f64,
    pub(crate) connections: f64,
    pub(crate) positions: f64,
}

/// Seconds from the sending of an event until a client has it.
#[derive(Clone, Copy)]
pub(crate) struct Lag {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Lag {
    pub(crate) fn of(deliveries: &[Delivery]) -> Self {
        let mut lags: Vec<Duration> = deliveries.iter().map(|delivery| delivery.lag).collect();
        lags.sort_unstable();
        let quantile = |of: f64| {
            let at = ((lags.len() as f64 * of) as usize).min(lags.len().saturating_sub(1));
            lags.get(at).map_or(f64::NAN, Duration::as_secs_f64)
        };
        Self { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1.0) }
    }
}

/// The median of the lag over the time.
pub(crate) fn over_time(deliveries: &[Delivery], from: Instant, to: Instant) -> [f64; PARTS] {
    let mut parts: [Vec<Delivery>; PARTS] = Default::default();
    for delivery in deliveries {
        let at = (delivery.arrived - from).as_secs_f64() / (to - from).as_secs_f64();
        parts[((at * PARTS as f64) as usize).min(PARTS - 1)].push(*delivery);
    }
    parts.map(|part| Lag::of(&part).p50)
}
