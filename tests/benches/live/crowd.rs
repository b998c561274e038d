//! Sockets that listen, and posters.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use eventlog_tests::client::{Client, Request};
use eventlog_tests::timing::{Bound, PATIENCE, Timing};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::socket::Socket;
use super::tally::{Tally, body};

/// For what comes to one socket at once. No frame of ours is longer than 120 KiB.
const BUFFER: usize = 256 << 10;

/// When a poster goes on to its next event.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// Once the last one is answered: deliveries may queue.
    Answered,
    /// Once all sockets have the last one.
    Delivered,
}

/// Open sockets, and what they got.
pub(crate) struct Crowd {
    port: u16,
    shared: Shared,
    sockets: JoinSet<Result<Infallible>>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<(Tally, Vec<u8>)>>);

impl Crowd {
    /// Opens the sockets one by one.
    pub(crate) async fn gather(port: u16, count: usize) -> Result<Self> {
        let shared = Shared(Arc::new(Mutex::new((Tally::new(count), vec![0; BUFFER]))));
        let mut sockets = JoinSet::new();
        for nth in 0..count {
            let socket = timeout(PATIENCE, Socket::open(port)).await.context("a handshake")??;
            sockets.spawn(listen(nth, socket, shared.clone()));
        }
        Ok(Self { port, shared, sockets })
    }

    /// Posts until the bound is reached, and waits until all sockets have all. The deliveries, and the time from the
    /// first post to the last of them.
    pub(crate) async fn run(&mut self, posters: usize, pace: Pace, bound: Bound) -> Result<Timing> {
        let mut posting = JoinSet::new();
        let start = Instant::now();
        let last = self.shared.lock().0.events() + bound.requests;
        for _ in 0..posters {
            posting.spawn(post(self.port, self.shared.clone(), pace, last, start + bound.time));
        }
        let all = async {
            while let Some(poster) = posting.join_next().await {
                poster??;
            }
            self.shared.settled().await;
            anyhow::Ok(())
        };
        tokio::select! {
            done = all => done?,
            Some(broken) = self.sockets.join_next() => match broken?? {},
        }
        let (tally, _) = &mut *self.shared.lock();
        Timing::new(tally.last() - start, tally.latencies())
    }

    /// Looks at what has come since the sockets were opened.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Tally) -> T) -> T {
        at(&self.shared.lock().0)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Tally, Vec<u8>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no delivery is due. What has not come after some time will be missing.
    async fn settled(&self) {
        loop {
            let (due, idle) = self.lock().0.due();
            if due == 0 {
                return;
            }
            if timeout(PATIENCE, idle.notified()).await.is_err() && self.lock().0.due().0 == due {
                return;
            }
        }
    }
}

async fn listen(nth: usize, mut socket: Socket, shared: Shared) -> Result<Infallible> {
    loop {
        poll_fn(|context| {
            let (tally, buffer) = &mut *shared.lock();
            let mut now = None;
            socket.poll_messages(context, buffer, |message| {
                tally.take(nth, message, *now.get_or_insert_with(Instant::now))
            })
        })
        .await?;
    }
}

async fn post(port: u16, shared: Shared, pace: Pace, last: usize, until: Instant) -> Result<()> {
    let mut client = Client::connect(port).await?;
    while Instant::now() < until {
        let (number, by_all) = {
            let (tally, _) = &mut *shared.lock();
            if tally.events() == last {
                break;
            }
            tally.post()
        };
        client.exchange(&Request::post(port, "/events", &body(number))).await.context("a POST")?;
        // What does not come is counted as missing.
        if pace == Pace::Delivered && timeout(PATIENCE, by_all.notified()).await.is_err() {
            break;
        }
    }
    Ok(())
}
