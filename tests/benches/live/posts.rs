//! The way to AWS: posts to `@connections` a second, by the client that `broadcast` has and by two bare ones, and the
//! CPU time that each takes.
//!
//! The endpoint is another process, which speaks HTTPS and takes all. The clients make the same posts at the same
//! concurrency, in turn, over TLS connections that are open before anything is measured. The bare ones do not sign, and
//! have no time limit and no limit of posts at once: hyper-util's client, which has a pool, and hyper's connections
//! themselves, which have not even that.

mod clients;
pub(crate) mod endpoint;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use eventlog_tests::process::own_cpu;
use eventlog_tests::report::{Aim, Report, median, micros};
use eventlog_tests::timing::{Bound, PATIENCE, Timing};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::timeout;

use self::clients::{Poster, bare, ours, pooled};
use self::endpoint::Endpoint;

const AT_ONCE: [usize; 3] = [1, 10, 100];

/// How much of everything.
pub(crate) struct Plan {
    rounds: usize,
    phase: Bound,
}

pub(crate) const FULL: Plan =
    Plan { rounds: 5, phase: Bound { requests: 40_000, time: Duration::from_secs(3) } };

/// A look at whether it still runs; the figures mean little.
pub(crate) const QUICK: Plan =
    Plan { rounds: 1, phase: Bound { requests: 2_000, time: Duration::from_secs(1) } };

/// What one phase showed.
struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    /// CPU time of the client, per post.
    cpu: Duration,
}

pub(crate) async fn bench(plan: &Plan) -> Result<()> {
    let mut report = Report::open()?;
    let dir = tempfile::tempdir()?;
    let endpoint = Endpoint::start(dir.path()).await?;
    println!(
        "Every figure is the median of {} rounds. CPU is that of the client.\n\n{:>7}  {:<10} {:>8} {:>8} {:>8} {:>12}",
        plan.rounds, "at once", "client", "posts/s", "p50 ms", "p99 ms", "CPU µs/post"
    );
    let mut ratios = Vec::new();
    for at_once in AT_ONCE {
        let (mut of_ours, mut of_pooled, mut of_bare) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            of_ours.push(measure(ours(&endpoint, at_once)?, plan.phase).await.context("ours")?);
            of_pooled.push(measure(pooled(&endpoint, at_once)?, plan.phase).await.context("pooled")?);
            of_bare.push(measure(bare(&endpoint, at_once).await?, plan.phase).await.context("bare")?);
        }
        print("eventlog", at_once, &of_ours, &mut report)?;
        print("hyper-util", at_once, &of_pooled, &mut report)?;
        print("bare", at_once, &of_bare, &mut report)?;
        let rate = |figures: &[Figures]| median(figures, |figures| figures.per_second);
        ratios.push((rate(&of_pooled) / rate(&of_ours), rate(&of_bare) / rate(&of_ours)));
    }
    endpoint.stop().await?;
    println!();
    for (at_once, (pooled, bare)) in AT_ONCE.into_iter().zip(ratios) {
        for (whose, ratio) in [("hyper-util's client", pooled), ("bare connections", bare)] {
            let what = format!("posts/s of {whose} / ours, {at_once} at once");
            report.verdict(&what, Some(ratio), "x", Aim::AtMost(1.5))?;
        }
    }
    Ok(())
}

/// Every poster makes its next post when the last one is answered.
async fn measure<P: Poster>(mut posters: Vec<P>, bound: Bound) -> Result<Figures> {
    // All at once, so that each has a connection.
    let mut opening = JoinSet::new();
    for mut poster in posters.drain(..) {
        opening.spawn(async move { poster.post().await.map(|()| poster) });
    }
    while let Some(poster) = timeout(PATIENCE, opening.join_next()).await.context("no answer")? {
        posters.push(poster??);
    }
    let (begun, start) = (Arc::<AtomicUsize>::default(), Instant::now());
    let before = own_cpu()?;
    let mut posting = JoinSet::new();
    for poster in posters {
        posting.spawn(keep_posting(poster, begun.clone(), start, bound));
    }
    let mut latencies = Vec::with_capacity(bound.requests);
    while let Some(poster) = timeout(bound.time + PATIENCE, posting.join_next()).await.context("no answer")? {
        latencies.extend(poster??);
    }
    let timing = Timing::new(start.elapsed(), latencies)?;
    let posts = timing.requests() as f64;
    Ok(Figures {
        per_second: posts / timing.elapsed.as_secs_f64(),
        p50: timing.quantile(0.50),
        p99: timing.quantile(0.99),
        cpu: (own_cpu()? - before).div_f64(posts),
    })
}

async fn keep_posting(
    mut poster: impl Poster,
    begun: Arc<AtomicUsize>,
    start: Instant,
    bound: Bound,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut posted = Instant::now();
    while posted - start < bound.time && begun.fetch_add(1, Ordering::Relaxed) < bound.requests {
        poster.post().await?;
        let answered = Instant::now();
        latencies.push(answered - posted);
        posted = answered;
    }
    Ok(latencies)
}

fn print(client: &str, at_once: usize, rounds: &[Figures], report: &mut Report) -> Result<()> {
    let rate = median(rounds, |round| round.per_second);
    let (p50, p99) = (median(rounds, |round| micros(round.p50)), median(rounds, |round| micros(round.p99)));
    let cpu = median(rounds, |round| micros(round.cpu));
    println!("{at_once:>7}  {client:<10} {rate:>8.0} {:>8.3} {:>8.3} {cpu:>12.1}", p50 / 1e3, p99 / 1e3);
    report.line(&json!({
        "client": client, "at_once": at_once, "posts_per_s": rate,
        "p50_us": p50, "p99_us": p99, "cpu_us_per_post": cpu,
    }))
}
