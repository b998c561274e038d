//! Delays of fractions of a millisecond, which tokio's timer does not support.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Typical delay until a task runs that the clock thread has woken.
const WAKE_DELAY: Duration = Duration::from_micros(300);

/// A thread that wakes tasks at given times.
pub(crate) struct Clock {
    shared: Arc<Shared>,
    /// How much too early tasks are woken; the rest is a busy wait.
    lead: Duration,
}

#[derive(Default)]
struct Shared {
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

#[derive(Default)]
struct Schedule {
    /// The tasks to wake, by time and by a number that distinguishes equal times.
    timers: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    last_number: u64,
    stopped: bool,
}

impl Clock {
    pub(crate) fn start(precise: bool) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let lead = if precise { WAKE_DELAY } else { Duration::ZERO };
        let clock = Self { shared: shared.clone(), lead };
        thread::Builder::new().name("clock".into()).spawn(move || shared.run())?;
        Ok(clock)
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        if !time.is_zero() {
            self.sleep_until(Instant::now() + time).await;
        }
    }

    pub(crate) async fn sleep_until(&self, at: Instant) {
        let early = at.checked_sub(self.lead).unwrap_or(at);
        if early > Instant::now() {
            // Fails only when the simulation has ended.
            let _ = self.schedule(early).await;
        }
        while Instant::now() < at {
            tokio::task::yield_now().await;
        }
    }

    fn schedule(&self, at: Instant) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let mut schedule = self.shared.lock();
        schedule.last_number += 1;
        let key = (at, schedule.last_number);
        schedule.timers.insert(key, wake);
        if schedule.timers.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.shared.changed.notify_one();
        }
        woken
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut schedule = self.lock();
        while !schedule.stopped {
            let now = Instant::now();
            while let Some(first) = schedule.timers.first_entry().filter(|first| first.key().0 <= now) {
                // Fails if the task was cancelled.
                let _ = first.remove().send(());
            }
            let left = schedule.timers.first_key_value().map(|(first, _)| first.0 - now);
            schedule = match left {
                None => self.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.changed.wait_timeout(schedule, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
