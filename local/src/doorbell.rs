//! What wakes the broadcaster of this process.

use std::sync::Arc;

use eventlog_ledger::broadcast::{Alarm, Wake};
use tokio::sync::Notify;

/// Rung for a new connection. Clones ring the same bell.
#[derive(Clone, Default)]
pub(crate) struct Doorbell(Arc<Notify>);

impl Wake for Doorbell {
    async fn wake(&self) {
        self.0.notify_one();
    }
}

/// Rings for new events and for new connections.
pub(crate) struct Both<A> {
    pub(crate) log: A,
    pub(crate) doorbell: Doorbell,
}

impl<A: Alarm> Alarm for Both<A> {
    async fn ring(&mut self) {
        tokio::select! {
            () = self.log.ring() => {}
            () = self.doorbell.0.notified() => {}
        }
    }
}
