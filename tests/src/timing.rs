//! How long phases last, and how long what was done in them took.

use std::time::Duration;

use anyhow::{Result, ensure};

/// How long an answer may take beyond the end of its phase before the server counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A phase ends with whichever comes first.
#[derive(Clone, Copy)]
pub struct Bound {
    /// Requests, of all clients together.
    pub requests: usize,
    /// Time after which no client begins another request.
    pub time: Duration,
}

/// What a phase took; never empty.
pub struct Timing {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Timing {
    /// An error where there are no latencies.
    pub fn new(elapsed: Duration, mut latencies: Vec<Duration>) -> Result<Self> {
        ensure!(!latencies.is_empty(), "not one request was made");
        latencies.sort_unstable();
        Ok(Self { elapsed, latencies })
    }

    /// How many there were.
    pub fn requests(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that the share `q` of the requests did not exceed (nearest rank).
    pub fn quantile(&self, q: f64) -> Duration {
        let rank = (q * self.latencies.len() as f64).ceil() as usize;
        self.latencies[rank.clamp(1, self.latencies.len()) - 1]
    }
}
