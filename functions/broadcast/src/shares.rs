//! How the connections are shared out among runs.

use std::future::Future;

use eventlog_aws::{Function, NotInvoked};
use eventlog_ledger::Shard;
use serde_json::{Value, json};

/// So many connections one run serves: an event reaches them within about a second (`docs/scale.md`).
const CONNECTIONS: u64 = 2_500;
/// More runs than this would only wait for what API Gateway takes from an account in a second.
const MOST: u16 = 16;

/// What a run is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeUp {
    /// Look who is connected, and call in as many as it takes. So say triggers, schedules and clients that connect;
    /// what else they say is not looked at.
    Look,
    /// Serve this share.
    Serve(Shard),
}

impl WakeUp {
    /// Reads the event that the function is called with.
    pub fn read(event: &str) -> Self {
        let event: Value = serde_json::from_str(event).unwrap_or_default();
        let number = |name: &str| u16::try_from(event["shard"][name].as_u64()?).ok();
        let shard = || Shard::new(number("index")?, number("of")?);
        shard().map_or(Self::Look, Self::Serve)
    }

    /// The event that is read as this.
    fn write(shard: Shard) -> Value {
        json!({ "shard": { "index": shard.index(), "of": shard.of() } })
    }
}

/// Where further runs come from.
pub trait Colleagues {
    /// Starts a run that serves this share.
    fn call_in(&self, shard: Shard) -> impl Future<Output = Result<(), NotInvoked>> + Send;
}

/// Further invocations of the function.
impl Colleagues for Function {
    async fn call_in(&self, shard: Shard) -> Result<(), NotInvoked> {
        self.invoke(&WakeUp::write(shard)).await
    }
}

/// Into how many shares so many connections are parted. Always a power of two: so it changes rarely, and whoever still
/// serves by the old number has some of the same connections, all of them or none.
pub(crate) fn how_many(connections: u64) -> u16 {
    let enough = connections.div_ceil(CONNECTIONS).max(1).checked_next_power_of_two();
    enough.and_then(|enough| u16::try_from(enough).ok()).map_or(MOST, |enough| enough.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let shard = Shard::new(3, 8).expect("a share");
        assert_eq!(WakeUp::read(&WakeUp::write(shard).to_string()), WakeUp::Serve(shard));
        for other in [
            "{}",
            "null",
            "1e999",
            r#""text""#,
            r#"[{"shard":1}]"#,
            r#"{"shard":{"index":3,"of":3}}"#,
            r#"{"shard":{"index":-1,"of":3}}"#,
            r#"{"shard":{"index":0,"of":70000}}"#,
            r#"{"detail-type":"Scheduled Event"}"#,
        ] {
            assert_eq!(WakeUp::read(other), WakeUp::Look, "{other}");
        }
    }

    #[test]
    fn more_connections_are_parted_into_more_shares() {
        for (connections, shares) in [
            (0, 1),
            (1, 1),
            (2_500, 1),
            (2_501, 2),
            (5_001, 4),
            (10_000, 4),
            (40_000, 16),
            (100_000, 16),
            (u64::MAX, 16),
        ] {
            assert_eq!(how_many(connections), shares, "{connections}");
        }
    }
}
