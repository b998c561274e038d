//! A simulated API Gateway: one limit for all that the account does, and connections that take their time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventlog_ledger::broadcast::{Message, Push, PushError};
use eventlog_testing::Random;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};

use super::clients::Clients;
use super::settings::{Gateway as Settings, Instance};

/// What all instances and all other clients of the account share.
pub(crate) struct Gateway {
    settings: Settings,
    bucket: Mutex<Bucket>,
    random: Mutex<Random>,
    clients: Arc<Clients>,
    pub(crate) counts: Counts,
}

/// Since the start.
#[derive(Default)]
pub(crate) struct Counts {
    /// Messages that were taken.
    pub(crate) posts: AtomicU64,
    /// Messages that were answered with 429.
    pub(crate) refused: AtomicU64,
    /// Requests of others.
    pub(crate) others: AtomicU64,
    /// Those that were answered with 429.
    pub(crate) others_refused: AtomicU64,
}

/// A token bucket, as API Gateway documents its throttling.
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Gateway {
    pub(crate) fn new(settings: Settings, clients: Arc<Clients>) -> Self {
        let bucket = Bucket { tokens: settings.burst, filled: Instant::now() };
        let (bucket, random) = (Mutex::new(bucket), Mutex::new(Random::new(1)));
        Self { settings, bucket, random, clients, counts: Counts::default() }
    }

    /// A request of somebody else in the account.
    pub(crate) fn other(&self) {
        self.counts.others.fetch_add(1, Ordering::Relaxed);
        if !self.admits() {
            self.counts.others_refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn admits(&self) -> bool {
        let Settings { rate, burst, .. } = self.settings;
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        bucket.tokens = burst.min(bucket.tokens + rate * (now - bucket.filled).as_secs_f64());
        bucket.filled = now;
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }

    /// How long a post takes: a shortest time, and an exponentially distributed one on top.
    fn round_trip(&self) -> Duration {
        let unit =
            self.random.lock().unwrap_or_else(PoisonError::into_inner).number() as f64 / u64::MAX as f64;
        let above = self.settings.typically.saturating_sub(self.settings.shortest);
        self.settings.shortest + above.mul_f64(-unit.max(1e-4).ln())
    }
}

/// How one instance of the function reaches it: a processor that is no faster than its memory buys, and so many
/// posts at once.
#[derive(Clone)]
pub(crate) struct Line {
    gateway: Arc<Gateway>,
    places: Arc<Semaphore>,
    cpu: Arc<Mutex<Instant>>,
    cpu_a_post: Duration,
}

impl Line {
    pub(crate) fn new(gateway: &Arc<Gateway>, instance: Instance) -> Self {
        Self {
            gateway: gateway.clone(),
            places: Arc::new(Semaphore::new(instance.posts_at_once)),
            cpu: Arc::new(Mutex::new(Instant::now())),
            cpu_a_post: instance.a_post(),
        }
    }

    /// When the instance's processor has done what a post takes of it.
    fn computed(&self) -> Instant {
        let mut cpu = self.cpu.lock().unwrap_or_else(PoisonError::into_inner);
        *cpu = (*cpu).max(Instant::now()) + self.cpu_a_post;
        *cpu
    }
}

impl Push for Line {
    async fn post(&self, connection: &str, message: Message) -> Result<(), PushError> {
        let gateway = &self.gateway;
        let place = self.places.acquire().await;
        let _place = place.map_err(|error| PushError::Unavailable(error.into()))?;
        let round_trip = gateway.round_trip();
        sleep_until(self.computed() + round_trip / 2).await;
        if !gateway.admits() {
            gateway.counts.refused.fetch_add(1, Ordering::Relaxed);
            return Err(PushError::Unavailable("HTTP status 429".into()));
        }
        gateway.counts.posts.fetch_add(1, Ordering::Relaxed);
        gateway.clients.receive(connection, &message.json());
        sleep(round_trip / 2).await;
        Ok(())
    }
}
