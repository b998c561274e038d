//! How long things may take.

use std::str::FromStr;
use std::time::Duration;

/// The times of following a log, as the client in `clients/js` has them, and `slow`: unlike in a browser, what is not
/// read waits in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// For a connection to open, or an HTTP request to be answered: API Gateway gives a cold `$connect` 29 s.
    pub(super) open: Duration,
    /// Without a message, until a ping is sent: API Gateway closes what was idle for 10 minutes.
    pub(super) idle: Duration,
    /// For anything to arrive after a ping.
    pub(super) pong: Duration,
    /// A connection is replaced after 90 to 100 % of this: API Gateway closes every one after 2 hours.
    pub(super) age: Duration,
    /// Open for so long, a connection has not failed.
    pub(super) stable: Duration,
    /// The pause before the nth attempt is random, between 0 and this × 2ⁿ⁻¹,
    pub(super) backoff_from: Duration,
    /// but at most between 0 and this.
    pub(super) backoff_to: Duration,
    /// For a slow reader to make room; then the connection is closed until it has taken all that waits.
    pub(super) slow: Duration,
    /// Between two looks at a log that has no event yet.
    pub(super) empty: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(30),
            idle: Duration::from_mins(5),
            pong: Duration::from_secs(10),
            age: Duration::from_mins(110),
            stable: Duration::from_secs(20),
            backoff_from: Duration::from_millis(500),
            backoff_to: Duration::from_secs(30),
            slow: Duration::from_secs(5),
            empty: Duration::from_secs(2),
        }
    }
}

impl Timing {
    /// How long to wait after so many failures in a row. Random, so that not all come back at the same moment when
    /// all were sent away at the same moment.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let longest = self.backoff_from.saturating_mul(1 << (failures.max(1) - 1).min(16));
        longest.min(self.backoff_to).mul_f64(random())
    }

    /// How old this connection may become.
    pub(super) fn life(&self) -> Duration {
        self.age.mul_f64(0.9 + 0.1 * random())
    }
}

/// At least 0, less than 1.
fn random() -> f64 {
    // Where there is no chance, there is the middle.
    getrandom::u32().map_or(0.5, |drawn| f64::from(drawn) / (f64::from(u32::MAX) + 1.0))
}

impl FromStr for Timing {
    type Err = String;

    /// Reads `NAME=MS,…`; what is not named keeps its default.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut timing = Self::default();
        for one in text.split(',') {
            let (name, millis) = one.split_once('=').ok_or("it must be NAME=MS,…")?;
            let time = match name {
                "open" => &mut timing.open,
                "idle" => &mut timing.idle,
                "pong" => &mut timing.pong,
                "age" => &mut timing.age,
                "stable" => &mut timing.stable,
                "backoffFrom" => &mut timing.backoff_from,
                "backoffTo" => &mut timing.backoff_to,
                "slow" => &mut timing.slow,
                "empty" => &mut timing.empty,
                _ => {
                    return Err(format!(
                        "{name} is not known; known are open, idle, pong, age, stable, backoffFrom, backoffTo, slow, empty"
                    ));
                }
            };
            let millis: u32 =
                millis.parse().map_err(|_| format!("{name} must be a number of milliseconds"))?;
            *time = Duration::from_millis(millis.into());
        }
        Ok(timing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let timing = Timing::default();
        for (failures, longest) in
            [(1, 500), (2, 1000), (3, 2000), (6, 16_000), (7, 30_000), (40, 30_000), (u32::MAX, 30_000)]
        {
            let pauses: Vec<_> = (0..100).map(|_| timing.pause(failures).as_millis()).collect();
            assert!(pauses.iter().all(|pause| *pause <= longest), "{failures}: {pauses:?}");
            // By chance once in 2^100 runs.
            assert!(pauses.iter().any(|pause| *pause > longest / 2), "{failures}: {pauses:?}");
        }
    }

    #[test]
    fn a_connection_is_replaced_before_the_gateway_closes_it() {
        for _ in 0..100 {
            let life = Timing::default().life();
            assert!(life >= Duration::from_mins(99) && life < Duration::from_mins(110), "{life:?}");
        }
    }

    #[test]
    fn times_are_set_by_name() {
        let timing: Timing = "idle=50000,backoffFrom=0".parse().expect("times");
        let expected =
            Timing { idle: Duration::from_secs(50), backoff_from: Duration::ZERO, ..Timing::default() };
        assert_eq!(timing, expected);
        for bad in ["", "idle", "idle=", "idle=x", "idle=-1", "idle=1,", "never=1"] {
            assert!(bad.parse::<Timing>().is_err(), "{bad:?}");
        }
    }
}
