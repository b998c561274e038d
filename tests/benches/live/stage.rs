//! One system, so many sockets, so many posters: once.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use eventlog_tests::client::{Client, Request};
use eventlog_tests::process::{Server, own_cpu};
use eventlog_tests::systems::start_eventlog;
use eventlog_tests::timing::Bound;
use serde_json::Value;

use super::crowd::{Crowd, Pace};
use super::node::Node;
use super::tally::Audit;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum System<'a> {
    /// The program at this path.
    Eventlog(&'a Path),
    Node(&'a Node),
}

/// A phase ends with whichever comes first.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) deliveries: usize,
    pub(crate) events: usize,
    /// After which nothing is posted.
    pub(crate) time: Duration,
}

/// What one stage showed.
pub(crate) struct Figures {
    /// Deliveries a second while posters wait for answers alone.
    pub(crate) per_second: f64,
    /// While they wait until all sockets have their event.
    pub(crate) per_second_in_step: f64,
    /// From an event's POST until a socket has it, in step.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// CPU time of the server, per delivery.
    pub(crate) cpu: Duration,
    /// CPU time of the load generator, per delivery.
    pub(crate) own_cpu: Duration,
    /// Resident memory of the server at the end, in bytes.
    pub(crate) rss: u64,
    pub(crate) audit: Audit,
}

impl System<'_> {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Eventlog(_) => "eventlog",
            Self::Node(_) => "node ws",
        }
    }

    async fn start(self, dir: &Path) -> Result<Server> {
        match self {
            Self::Eventlog(binary) => start_eventlog(binary, dir).await,
            Self::Node(node) => node.start(dir).await,
        }
    }
}

/// Runs a stage on a server of its own, which nobody else has used or left.
pub(crate) async fn run(system: System<'_>, sockets: usize, posters: usize, size: Size) -> Result<Figures> {
    let dir = tempfile::tempdir()?;
    let server = system.start(dir.path()).await?;
    let figures = measure(system, &server, sockets, posters, size).await.with_context(|| {
        let name = system.name();
        format!("{name}, sockets: {sockets}, posters: {posters}; it wrote last: {}", server.last_words())
    })?;
    server.stop().await?;
    Ok(figures)
}

async fn measure(
    system: System<'_>,
    server: &Server,
    sockets: usize,
    posters: usize,
    size: Size,
) -> Result<Figures> {
    let mut crowd = Crowd::gather(server.port, sockets).await?;
    let events = (size.deliveries / sockets).min(size.events);
    let bound = |part: usize| Bound { requests: (events / part).max(posters), time: size.time };
    // Node.js compiles what runs often.
    crowd.run(posters, Pace::Answered, bound(4)).await.context("warming up")?;

    let (own_before, before) = (own_cpu()?, server.usage()?);
    let queued = crowd.run(posters, Pace::Answered, bound(1)).await?;
    let (own_after, after) = (own_cpu()?, server.usage()?);
    let in_step = crowd.run(posters, Pace::Delivered, bound(4)).await.context("in step")?;
    let log = match system {
        System::Eventlog(_) => order_of_the_log(server.port, crowd.look(|tally| tally.events())).await?,
        System::Node(_) => crowd.look(|tally| tally.first_order()),
    };
    let per_delivery = |time: Duration| time.div_f64(queued.requests() as f64);
    Ok(Figures {
        per_second: queued.requests() as f64 / queued.elapsed.as_secs_f64(),
        per_second_in_step: in_step.requests() as f64 / in_step.elapsed.as_secs_f64(),
        p50: in_step.quantile(0.50),
        p99: in_step.quantile(0.99),
        cpu: per_delivery(after.cpu - before.cpu),
        own_cpu: per_delivery(own_after - own_before),
        rss: after.rss,
        audit: crowd.look(|tally| tally.audit(&log))?,
    })
}

/// The numbers of the events as they stand in the chain.
async fn order_of_the_log(port: u16, events: usize) -> Result<Vec<u32>> {
    const LIMIT: usize = 1000;
    let mut client = Client::connect(port).await?;
    let mut order = Vec::with_capacity(events);
    for page in 1..=events.div_ceil(LIMIT) {
        let page = Request::get(port, &format!("/events?page={page}&limit={LIMIT}"));
        let page: Vec<Value> = serde_json::from_slice(client.exchange(&page).await?)?;
        for event in page {
            let number = event["dataPayload"]["n"].as_str().context("an event of ours")?;
            order.push(number.parse().context("a number")?);
        }
    }
    ensure!(order.len() == events, "the log has {} events, not {events}", order.len());
    Ok(order)
}
