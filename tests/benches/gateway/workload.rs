//! What is asked, by how many clients, and what came of it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventlog_tests::client::{Client, Request};
use eventlog_tests::process::{Server, own_cpu};
use eventlog_tests::timing::{Bound, PATIENCE, Timing};
use serde_json::Value;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::load::Crowd;

/// With the five members that the server adds, an event of about 300 bytes.
pub(crate) const BODY: &str = concat!(
    r#"{"eventType":"Login","sourceAppId":"App1","#,
    r#""dataPayload":{"userId":"12345","action":"loggedIn","ip":"203.0.113.7","attempt":1}}"#
);

/// Events that are logged before anything is measured: the pages are full, and the peer's code is compiled.
const WARM_UP: Bound = Bound { requests: 2_000, time: Duration::from_secs(20) };

/// One kind of request.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Ask {
    /// `POST /events` with one event.
    Post,
    /// `GET /events` for one page.
    Page { page: usize, limit: usize },
}

impl Ask {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Post => "POST /events".into(),
            Self::Page { page, limit } => format!("GET /events?page={page}&limit={limit}"),
        }
    }

    pub(crate) fn request(self, port: u16) -> Request {
        match self {
            Self::Post => Request::post(port, "/events", BODY),
            Self::Page { page, limit } => Request::get(port, &format!("/events?page={page}&limit={limit}")),
        }
    }

    /// That `body` is what was asked for. Done once a phase: later answers need only have the same length.
    pub(crate) fn check(self, body: &[u8]) -> Result<()> {
        let body: Value = serde_json::from_slice(body)?;
        match self {
            Self::Post => ensure!(hash_of(&body["event"]) == Some(40), "no linked event: {body}"),
            Self::Page { limit, .. } => {
                let events = body.as_array().context("not an array")?;
                ensure!(events.len() == limit, "{} events, not {limit}", events.len());
                ensure!(events.iter().all(|event| hash_of(event) == Some(40)), "an event without its hash");
            }
        }
        Ok(())
    }
}

/// The length of an event's `currentHash`: 40, in a log that is a chain.
fn hash_of(event: &Value) -> Option<usize> {
    event["currentHash"].as_str().map(str::len)
}

/// What one phase showed.
pub(crate) struct Figures {
    pub(crate) requests: usize,
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// CPU time of the server, per request.
    pub(crate) cpu: Duration,
    /// CPU time of the load generator, per request.
    pub(crate) own_cpu: Duration,
    /// Resident memory of the server at the end, in bytes.
    pub(crate) rss: u64,
}

/// Runs one phase against `server`.
pub(crate) async fn measure(server: &Server, ask: Ask, clients: usize, bound: Bound) -> Result<Figures> {
    let measuring = async {
        let crowd =
            Crowd::gather(server.port, clients, ask.request(server.port), |body| ask.check(body)).await?;
        let (own_before, before) = (own_cpu()?, server.usage()?);
        let timing = crowd.run(bound).await?;
        let (own_after, after) = (own_cpu()?, server.usage()?);
        let requests = timing.requests();
        let per_request = |time: Duration| time.div_f64(requests as f64);
        anyhow::Ok(Figures {
            requests,
            per_second: requests as f64 / timing.elapsed.as_secs_f64(),
            p50: timing.quantile(0.50),
            p99: timing.quantile(0.99),
            cpu: per_request(after.cpu - before.cpu),
            own_cpu: per_request(own_after - own_before),
            rss: after.rss,
        })
    };
    measuring.await.with_context(|| {
        format!("{}, clients: {clients}; the server wrote last: {}", ask.name(), server.last_words())
    })
}

/// The median latencies of these requests, each to the server on its port, asked in turn, so that whatever else
/// happens on the machine happens to all. `check` looks into the first answer to each. The generator spins meanwhile: a
/// virtual machine takes some 30 µs to wake a core that went idle, and with both sides asleep in turn that would be most
/// of the medians.
pub(crate) async fn compare<const N: usize>(
    requests: &[(u16, Request); N],
    check: impl Fn(usize, &[u8]) -> Result<()>,
    bound: Bound,
) -> Result<[Duration; N]> {
    let comparing = async {
        let mut turns = Vec::with_capacity(N);
        for (nth, (port, request)) in requests.iter().enumerate() {
            let mut client = Client::connect(*port).await?;
            let body = client.exchange(request).await?;
            check(nth, body)?;
            turns.push((body.len(), client, request));
        }
        let mut latencies = [const { Vec::new() }; N];
        let start = Instant::now();
        while start.elapsed() < bound.time && latencies[N - 1].len() < bound.requests / N {
            for ((length, client, request), latencies) in turns.iter_mut().zip(&mut latencies) {
                let asked = Instant::now();
                let body = client.exchange(request).await?;
                latencies.push(asked.elapsed());
                ensure!(body.len() == *length, "a body of {} bytes among others of {length}", body.len());
            }
        }
        let mut medians = [Duration::ZERO; N];
        for (median, latencies) in medians.iter_mut().zip(latencies) {
            *median = Timing::new(start.elapsed(), latencies)?.quantile(0.5);
        }
        anyhow::Ok(medians)
    };
    let comparing = timeout(bound.time + PATIENCE, comparing);
    tokio::select! {
        medians = comparing => medians.context("no answer")?,
        never = spin() => match never {},
    }
}

/// Keeps the thread from sleeping.
async fn spin() -> Infallible {
    loop {
        yield_now().await;
    }
}

/// Logs enough events for what follows. The very first event has an empty `previousHash`, so its answer is
/// shorter than all others and is asked for alone. Returns the size of a logged event in bytes.
pub(crate) async fn warm_up(server: &Server) -> Result<usize> {
    let mut client = Client::connect(server.port).await?;
    let request = Ask::Post.request(server.port);
    client.exchange(&request).await.context("the first event")?;
    let answer: Value = serde_json::from_slice(client.exchange(&request).await?)?;
    let logged = measure(server, Ask::Post, 8, WARM_UP).await?.requests;
    ensure!(logged >= 1_000, "only {logged} events in the {:?} of the warm-up", WARM_UP.time);
    Ok(answer["event"].to_string().len())
}
