//! Waiting for fractions of a millisecond, which the timer of tokio cannot.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How late a task is when it is woken by another thread that was woken by the system, at most times.
const LATENESS: Duration = Duration::from_micros(300);

/// A thread that wakes tasks.
pub(crate) struct Clock {
    shared: Arc<Shared>,
    /// Tasks are woken so much too early, and wait for the rest without sleeping.
    lead: Duration,
}

#[derive(Default)]
struct Shared {
    alarms: Mutex<Alarms>,
    changed: Condvar,
}

#[derive(Default)]
struct Alarms {
    due: BinaryHeap<Reverse<Alarm>>,
    stopped: bool,
}

struct Alarm {
    at: Instant,
    ring: oneshot::Sender<()>,
}

impl Clock {
    pub(crate) fn start(precise: bool) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let lead = if precise { LATENESS } else { Duration::ZERO };
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
            // An error: the clock has stopped, and with it the whole simulation.
            let _ = self.alarm(early).await;
        }
        while Instant::now() < at {
            tokio::task::yield_now().await;
        }
    }

    fn alarm(&self, at: Instant) -> oneshot::Receiver<()> {
        let (ring, rung) = oneshot::channel();
        let mut alarms = self.shared.lock();
        let is_first = alarms.due.peek().is_none_or(|Reverse(first)| at < first.at);
        alarms.due.push(Reverse(Alarm { at, ring }));
        if is_first {
            self.shared.changed.notify_one();
        }
        rung
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut alarms = self.lock();
        while !alarms.stopped {
            let now = Instant::now();
            while alarms.due.peek().is_some_and(|Reverse(first)| first.at <= now) {
                if let Some(Reverse(alarm)) = alarms.due.pop() {
                    // An error: nobody waits for it any more.
                    let _ = alarm.ring.send(());
                }
            }
            let left = alarms.due.peek().map(|Reverse(first)| first.at - now);
            alarms = match left {
                None => self.changed.wait(alarms).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    self.changed.wait_timeout(alarms, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
