//! What a long log costs: reading it, writing to it, and verifying an export of it.
//!
//! The logs are in SQLite or, where `MONGODB_URI` names a server, in two databases of their own there, which are dropped
//! at the end. What is compared is asked in turn, so that a machine that slows down slows all of it.

mod export;
mod logs;
mod requests;

use std::time::Duration;

use anyhow::Result;
use eventlog_tests::report::{Aim, Report, micros};
use eventlog_tests::systems::eventlog_binary;
use eventlog_tests::timing::Bound;

use self::export::{verify, write_export};
use self::logs::Logs;
use self::requests::{batches_against_singles, pages, posts};

/// How much of everything.
pub(crate) struct Plan {
    events: u32,
    comparison: Bound,
    rounds: usize,
}

pub(crate) const FULL: Plan = Plan {
    events: 1_000_000,
    comparison: Bound { requests: 20_000, time: Duration::from_secs(60) },
    rounds: 5,
};

/// A look at whether it still runs; the figures mean little.
pub(crate) const QUICK: Plan =
    Plan { events: 100_000, comparison: Bound { requests: 2_000, time: Duration::from_secs(10) }, rounds: 1 };

/// The log that the long one is compared with.
const FEW: u32 = 1_000;

pub(crate) async fn bench(plan: &Plan) -> Result<()> {
    let binary = eventlog_binary()?;
    let mut report = Report::open()?;
    let dir = tempfile::tempdir()?;
    let [long, short] =
        [plan.events, FEW].map(|events| (events, dir.path().join(format!("{events}.ndjson"))));
    let middle = dir.path().join("middle.ndjson");
    for (events, file) in [&long, &short, &(plan.events / 10, middle.clone())] {
        write_export(file, *events)?;
    }

    let verified = verify(&binary, &long.1, plan.events, plan.rounds).await?;
    let verified_less = verify(&binary, &middle, plan.events / 10, plan.rounds).await?;
    println!(
        "verify an export of {} events: {:.0} events/s, at most {:.1} MB",
        plan.events,
        verified.per_second,
        verified.peak / 1e6
    );

    let logs = Logs::import(&binary, dir.path(), [&long, &short]).await?;
    let [server, small] = logs.serve(&binary, dir.path()).await?;
    let pages = pages(&server, plan.events, plan.comparison).await?.map(|(name, p50)| {
        println!("GET {name}: p50 {:.3} ms", micros(p50) / 1e3);
        micros(p50)
    });
    let singles = batches_against_singles(&server, 8 * plan.rounds).await?;
    let [post, post_small] = posts(&server, &small, plan.comparison).await?.map(micros);
    println!(
        "POST, in turn: p50 {:.3} ms at {} events, {:.3} ms at {FEW}",
        post / 1e3,
        plan.events,
        post_small / 1e3
    );
    server.stop().await?;
    small.stop().await?;
    logs.remove().await?;

    println!("\nSummary, {}", logs.name());
    let most = pages[..3].iter().copied().fold(0.0, f64::max);
    let least = pages[..3].iter().copied().fold(f64::INFINITY, f64::min);
    report.verdict("p50 of page 1, page n and a cursor page", Some(most / least), "x", Aim::AtMost(1.2))?;
    report.verdict(
        "p50 of a filtered cursor page / page 1",
        Some(pages[3] / pages[0]),
        "x",
        Aim::AtMost(2.0),
    )?;
    report.verdict("events/s in batches of 500 / in single POSTs", Some(singles), "x", Aim::AtLeast(20.0))?;
    report.verdict("p50 of a POST, long log / short log", Some(post / post_small), "x", Aim::AtMost(1.1))?;
    report.verdict("verify an export, events/s", Some(verified.per_second), "", Aim::AtLeast(700_000.0))?;
    let peaks = verified.peak / verified_less.peak;
    report.verdict("its memory / that of a tenth of the events", Some(peaks), "x", Aim::AtMost(1.2))
}
