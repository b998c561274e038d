//! The broadcaster: wakes up, reads the log, pushes to the WebSocket connections.

mod api_gateway;
mod config;
mod pace;
mod shares;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use eventlog_lambda::Mode;
use eventlog_ledger::broadcast::{Alarm, Broadcaster, Push, Until};
use eventlog_ledger::{ConnectionStore, EventStore, Shard, StoreError, sweep_old};
use futures_util::future::join_all;

pub use api_gateway::ApiGateway;
pub use config::{Config, InvalidConfig};
pub use pace::Paced;
pub use shares::{Colleagues, WakeUp};

/// How long to wait before starting over.
const PAUSE: Duration = Duration::from_secs(1);
/// What the end of a run may take: storing the positions, giving back the lease.
const LAST_ORDERS: Duration = Duration::from_secs(3);

/// What one instance has, and what it remembers from one run to the next.
pub struct Broadcast<L, C, P, F> {
    /// The log.
    pub log: L,
    /// All connections of the deployment.
    pub connections: C,
    /// How they are reached.
    pub push: P,
    /// Messages that all runs together may push in a second.
    pub posts_per_second: u32,
    /// Who else can serve.
    pub colleagues: F,
    /// Whom this instance has served before.
    pub known: Known<L, C, P>,
}

/// A broadcaster for each share.
pub type Known<L, C, P> = Mutex<HashMap<Shard, Broadcaster<L, C, Paced<P>>>>;

impl<L: EventStore, C: ConnectionStore, P: Push, F: Colleagues> Broadcast<L, C, P, F> {
    /// Serves the connections until all are caught up (something wakes us for the next event) or, polling, until
    /// shortly before `deadline`, when the schedule starts the next run. Calls in others where there are too many for one,
    /// and the next one where a trigger's time is up too soon.
    pub async fn handle<A: Alarm>(
        &self,
        wake_up: WakeUp,
        alarm: impl AsyncFn() -> Result<A, StoreError>,
        mode: Mode,
        deadline: SystemTime,
    ) -> Result<(), StoreError> {
        let mine = match wake_up {
            WakeUp::Serve(shard) => vec![shard],
            WakeUp::Look => self.share_out().await?,
        };
        let until = match mode {
            Mode::Trigger => Until::CaughtUp,
            Mode::Polling => Until::Stopped,
        };
        let runs = mine.into_iter().map(async |shard| {
            let mut broadcaster = self.broadcaster(shard);
            let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
            let mut stop = pin!(tokio::time::sleep(left.saturating_sub(LAST_ORDERS)));
            let ended = loop {
                let run = async { broadcaster.run(alarm().await?, until, stop.as_mut()).await };
                match run.await {
                    // The next run is a minute away, and a database elects within seconds.
                    Err(error) if mode == Mode::Polling && !stop.is_elapsed() => {
                        tracing::warn!("share {shard} starts over: {error}");
                        tokio::time::sleep(PAUSE).await;
                    }
                    ended => break ended,
                }
            };
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(shard, broadcaster);
            if ended? && mode == Mode::Trigger {
                self.hand_over(shard).await;
            }
            Ok(())
        });
        // One that fails must not cut the others off.
        join_all(runs).await.into_iter().collect()
    }

    /// Looks how many there are. Answers which shares are left for this run.
    async fn share_out(&self) -> Result<Vec<Shard>, StoreError> {
        sweep_old(&self.connections).await?;
        let shares = shares::how_many(self.connections.count().await?);
        let call_in = async |shard: Shard| match self.colleagues.call_in(shard).await {
            Ok(()) => None,
            // Rather late than not at all.
            Err(error) => {
                tracing::warn!("share {shard} has nobody of its own: {error}");
                Some(shard)
            }
        };
        let left = join_all(Shard::all(shares).skip(1).map(call_in)).await;
        Ok(Shard::all(shares).take(1).chain(left.into_iter().flatten()).collect())
    }

    /// The deadline came before all were caught up. Whom the trigger woke meanwhile has left, so the next run would
    /// be the schedule's. Where there are other shares by now, those who serve them go on.
    async fn hand_over(&self, shard: Shard) {
        let count = self.connections.count().await;
        if count.is_ok_and(|count| shares::how_many(count) != shard.of()) {
            return;
        }
        if let Err(error) = self.colleagues.call_in(shard).await {
            tracing::warn!("nobody goes on with share {shard} for now: {error}");
        }
    }

    /// The one of this instance for a share. Those for another number of shares are let go.
    fn broadcaster(&self, shard: Shard) -> Broadcaster<L, C, Paced<P>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|served, _| served.of() == shard.of());
        known.remove(&shard).unwrap_or_else(|| {
            let push = Paced::new(self.push.clone(), self.posts_per_second / u32::from(shard.of()));
            Broadcaster::new(self.log.clone(), self.connections.shard(shard), push)
        })
    }
}
