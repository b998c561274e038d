//! The closed loop: every client sends its next request when the last one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use eventlog_tests::client::{Client, Request};
use eventlog_tests::timing::{Bound, PATIENCE, Timing};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// `count` connections that have had one answer each: by then the server has accepted them, and how long
/// the answer to `request` must be is known.
pub(crate) struct Crowd {
    clients: Vec<Client>,
    request: Arc<Request>,
    length: usize,
}

impl Crowd {
    /// Connects the clients one by one. `check` looks into the first answer.
    pub(crate) async fn gather(
        port: u16,
        count: usize,
        request: Request,
        check: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<Self> {
        let mut crowd = Self { clients: Vec::with_capacity(count), request: Arc::new(request), length: 0 };
        let mut check = Some(check);
        for _ in 0..count {
            let mut client = Client::connect(port).await?;
            let body = timeout(PATIENCE, client.exchange(&crowd.request)).await.context("no answer")??;
            if let Some(check) = check.take() {
                check(body)?;
                crowd.length = body.len();
            }
            crowd.clients.push(client);
        }
        Ok(crowd)
    }

    /// Runs the phase. Any wrong answer, from any client, ends it with an error.
    pub(crate) async fn run(self, bound: Bound) -> Result<Timing> {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut running = JoinSet::new();
        let start = Instant::now();
        for client in self.clients {
            let (begun, request) = (Arc::clone(&begun), Arc::clone(&self.request));
            running.spawn(keep_asking(client, request, self.length, begun, start, bound));
        }
        let mut latencies = Vec::with_capacity(bound.requests);
        while let Some(client) =
            timeout(bound.time + PATIENCE, running.join_next()).await.context("no answer")?
        {
            latencies.extend(client??);
        }
        Timing::new(start.elapsed(), latencies)
    }
}

async fn keep_asking(
    mut client: Client,
    request: Arc<Request>,
    length: usize,
    begun: Arc<AtomicUsize>,
    start: Instant,
    bound: Bound,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut asked = Instant::now();
    while asked - start < bound.time && begun.fetch_add(1, Ordering::Relaxed) < bound.requests {
        let body = client.exchange(&request).await?;
        if body.len() != length {
            bail!("a body of {} bytes among others of {length}", body.len());
        }
        let answered = Instant::now();
        latencies.push(answered - asked);
        asked = answered;
    }
    Ok(latencies)
}
