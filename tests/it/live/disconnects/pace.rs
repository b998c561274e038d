//! Keeps logging and cutting off abreast, so that both go on from the start to the end of a run.

use std::sync::atomic::{AtomicU64, Ordering};

use eventlog_testing::within;
use tokio::sync::watch;

/// By so many disconnects logging may be ahead.
const SLACK: u64 = 8;

pub(super) struct Pace {
    disconnects: u64,
    events: u64,
    /// Given out to posters.
    taken: AtomicU64,
    logged: watch::Sender<u64>,
    cut: watch::Sender<u64>,
}

impl Pace {
    pub(super) fn new(disconnects: u64, events: u64) -> Self {
        let (logged, cut) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { disconnects, events, taken: AtomicU64::new(0), logged, cut }
    }

    /// Gives out up to so many events to be logged: the number of the first, and how many; `None` when there are no more.
    pub(super) async fn take(&self, most: u64) -> Option<(u64, u64)> {
        let first = self.taken.fetch_add(most, Ordering::Relaxed);
        let count = most.min(self.events.saturating_sub(first));
        let enough = |cut: &u64| (cut + SLACK) * self.events >= first * self.disconnects;
        within("disconnects", self.cut.subscribe().wait_for(enough)).await.expect("never closed");
        (count > 0).then_some((first, count))
    }

    pub(super) fn log(&self, count: u64) {
        self.logged.send_modify(|logged| *logged += count);
    }

    pub(super) async fn has_logged(&self, count: u64) {
        let mut logged = self.logged.subscribe();
        let mut last = *logged.borrow_and_update();
        while last < count {
            within("events", logged.changed()).await.expect("never closed");
            last = *logged.borrow_and_update();
        }
    }

    /// Whether somebody may be cut off now, who then must be.
    pub(super) fn cut(&self) -> bool {
        let logged = *self.logged.borrow();
        self.cut.send_if_modified(|cut| {
            let may = *cut * self.events < logged * self.disconnects;
            *cut += u64::from(may);
            may
        })
    }

    /// Waits until all disconnects are done.
    pub(super) async fn is_done(&self) {
        let done = |cut: &u64| *cut >= self.disconnects;
        self.cut.subscribe().wait_for(done).await.expect("never closed");
    }
}
