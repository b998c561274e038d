//! How many messages a second are pushed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventlog_ledger::broadcast::{Message, Push, PushError};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// So much of what was not used can be caught up on.
const BURST: Duration = Duration::from_millis(100);
/// So many have their turn or wait for it. All others wait before: had they their turn already, and posts took long for a
/// while, they would leave all together.
const AT_ONCE: usize = 100;

/// Pushes at most so many messages a second, so that API Gateway, whose limit holds for all that an account does in a
/// region, has some left for `POST /events` and `GET /events`. In the order of asking.
#[derive(Clone)]
pub struct Paced<P> {
    push: P,
    interval: Duration,
    /// When the next message may leave.
    next: Arc<Mutex<Instant>>,
    places: Arc<Semaphore>,
}

impl<P> Paced<P> {
    /// At most so many a second, and at least one.
    pub fn new(push: P, per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let (next, places) = (Mutex::new(Instant::now()), Semaphore::new(AT_ONCE));
        Self { push, interval, next: Arc::new(next), places: Arc::new(places) }
    }

    /// When it is the turn of one who asks now.
    fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(now.checked_sub(BURST).unwrap_or(now));
        *next = turn + self.interval;
        turn
    }
}

impl<P: Push> Push for Paced<P> {
    async fn post(&self, connection: &str, message: Message) -> Result<(), PushError> {
        let place = self.places.acquire().await;
        let _place = place.map_err(|error| PushError::Unavailable(error.into()))?;
        sleep_until(self.turn(Instant::now())).await;
        self.push.post(connection, message).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// Takes its time, and counts how many are under way.
    #[derive(Clone, Default)]
    struct Slow {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    impl Push for Slow {
        async fn post(&self, _: &str, _: Message) -> Result<(), PushError> {
            self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.now.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_waits_while_posts_take_long_does_not_leave_all_together() {
        let slow = Slow::default();
        let paced = Paced::new(slow.clone(), u32::MAX);
        let posts = join_all((0..4 * AT_ONCE).map(|_| paced.post("a", Message::event("{}")))).await;
        assert!(posts.iter().all(Result::is_ok));
        assert_eq!(slow.most.load(Ordering::Relaxed), AT_ONCE);
    }

    #[test]
    fn no_more_than_so_many_are_pushed_in_a_second() {
        let paced = Paced::new((), 500);
        let start = Instant::now() + BURST;
        let turns = |now: Instant, count: usize| (0..count).map(|_| paced.turn(now)).max().expect("a turn");
        // What a burst lets through at once takes none of the time.
        let last = turns(start, 2001);
        assert_eq!(last - start, Duration::from_secs(4) - BURST);
        // A pause is not made up for, but for a burst.
        let later = start + Duration::from_secs(60);
        assert_eq!(turns(later, 501) - later, Duration::from_secs(1) - BURST);
        let slower = paced.turn(later);
        assert_eq!(paced.turn(later) - slower, Duration::from_millis(2));
    }
}
