//! What the local gateway costs: throughput, latency, CPU time and memory of `eventlog dev`, beside those of
//! the Express peer in the same run.
//!
//! ```text
//! cargo build --release -p eventlog-cli
//! EVENTLOG_PEER=path/to/peer cargo bench -p eventlog-tests --bench gateway [-- [reading] [--quick]]
//! ```
//!
//! Without `EVENTLOG_PEER`, or without `node`, only `eventlog` is measured. `EVENTLOG_BIN` names another
//! binary to test, `EVENTLOG_BENCH_JSON` a file for the results (absolute paths: cargo runs a benchmark in
//! its package's folder). The two systems take turns, phase by phase, so that a machine that slows down slows
//! both; every figure is the median of the rounds. Nothing but 127.0.0.1 is contacted. An aim that is missed
//! is a result, a wrong answer is an error.
//!
//! `reading` measures [a long log](gateway::reading) instead.
//!
//! With one client the two sides may share a core or have one each, as the scheduler likes. On a virtual
//! machine waking an idle core takes some 30 µs, each way, and costs CPU time too: look at the spread of the
//! rounds before comparing one-client rows.

/// The parts, in `benches/gateway/`: beside this file, cargo would take each for a benchmark.
mod gateway {
    pub(crate) mod load;
    pub(crate) mod peer;
    pub(crate) mod reading;
    pub(crate) mod table;
    pub(crate) mod workload;
}

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use eventlog_tests::process::{Server, exit_code, until_interrupted};
use eventlog_tests::report::{Aim, Report, megabytes, micros};
use eventlog_tests::systems::{eventlog_binary, has_node, start_eventlog};
use eventlog_tests::timing::Bound;
use serde_json::json;

use gateway::peer::Peer;
use gateway::reading;
use gateway::table::{self, Row};
use gateway::workload::{Ask, compare, measure, warm_up};

const OURS: &str = "eventlog";
const PEER: &str = "peer";
const CLIENTS: [usize; 3] = [1, 8, 32];
const ASKS: [Ask; 3] = [Ask::Post, Ask::Page { page: 1, limit: 100 }, Ask::Page { page: 1, limit: 10 }];

/// How much of everything.
struct Plan {
    rounds: usize,
    phase: Bound,
    /// For the memory figure, and for a last page that is far from the first.
    long_log: Bound,
    comparison: Bound,
}

const FULL: Plan = Plan {
    rounds: 3,
    phase: Bound { requests: 30_000, time: Duration::from_secs(3) },
    long_log: Bound { requests: 100_000, time: Duration::from_secs(180) },
    comparison: Bound { requests: 10_000, time: Duration::from_secs(20) },
};

/// A look at whether it still runs; the figures mean little.
const QUICK: Plan = Plan {
    rounds: 1,
    phase: Bound { requests: 30_000, time: Duration::from_millis(300) },
    comparison: Bound { requests: 1_000, time: Duration::from_secs(5) },
    ..FULL
};

/// One thread: the second core of a small machine is the server's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let wants = |option: &str| std::env::args().any(|arg| arg == option);
    if !wants("--bench") {
        println!("gateway: measured by `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    let is_quick = wants("--quick");
    let done = if wants("reading") {
        until_interrupted(reading::bench(if is_quick { &reading::QUICK } else { &reading::FULL })).await
    } else {
        until_interrupted(bench(if is_quick { &QUICK } else { &FULL })).await
    };
    exit_code(done)
}

async fn bench(plan: &Plan) -> Result<()> {
    let binary = eventlog_binary()?;
    let mut report = Report::open()?;
    let dir = tempfile::tempdir()?;
    let peer = match peer_folder().await {
        Ok(folder) => Some(Peer::start(&folder, dir.path()).await?),
        Err(why) => {
            println!("no peer: {why}");
            None
        }
    };
    let ours = start_eventlog(&binary, dir.path()).await?;

    let mut systems = vec![(OURS, &ours)];
    systems.extend(peer.as_ref().map(|peer| (PEER, &peer.server)));
    for (name, server) in &systems {
        println!("{name}: an event of {} bytes", warm_up(server).await?);
    }
    let rows = take_turns(&systems, plan).await?;
    print_legend(plan, peer.is_some());
    table::print(&rows, &mut report)?;
    ours.stop().await?;
    drop(peer);

    let long_log = measure_long_log(&binary, plan, &mut report).await?;
    print_summary(&rows, &long_log, &mut report)
}

/// The peer's folder, or why there is none.
async fn peer_folder() -> Result<PathBuf> {
    let Some(folder) = std::env::var_os("EVENTLOG_PEER") else { bail!("EVENTLOG_PEER is not set") };
    ensure!(has_node().await, "node is not on PATH");
    Ok(folder.into())
}

/// Every phase in every round, of one system and then of the other; who is first changes from round to round.
async fn take_turns(systems: &[(&'static str, &Server)], plan: &Plan) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for ask in ASKS {
        for clients in CLIENTS {
            for &(system, _) in systems {
                rows.push(Row { request: ask.name(), clients, system, rounds: Vec::new() });
            }
        }
    }
    for round in 0..plan.rounds {
        eprintln!("round {} of {}", round + 1, plan.rounds);
        for (phase, turns) in rows.chunks_mut(systems.len()).enumerate() {
            let ask = ASKS[phase / CLIENTS.len()];
            let mut turns: Vec<_> = turns.iter_mut().zip(systems).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for (row, (_, server)) in turns {
                row.rounds.push(measure(server, ask, row.clients, plan.phase).await?);
            }
        }
    }
    Ok(rows)
}

fn print_legend(plan: &Plan, with_peer: bool) {
    match plan.rounds {
        1 => println!("\nOne short round: a smoke test, not a measurement. 1 MB = 1,000,000 bytes."),
        rounds => println!("\nEvery figure is the median of {rounds} rounds. 1 MB = 1,000,000 bytes."),
    }
    println!("CPU and RSS are those of the server process with all its threads.");
    println!("The load generator is one thread; its CPU time is in the last column.");
    if with_peer {
        println!(
            "Kind to the peer: its database lives in memory and costs next to nothing, and only its node\n\
             server is counted, not the database process. eventlog's figures include its database, on disk."
        );
    }
}

/// What a log of 100,000 events shows.
struct LongLog {
    rss: f64,
    page_ratio: f64,
}

/// Fills the log of a fresh server through the gateway, then compares the first full page with the last.
async fn measure_long_log(binary: &Path, plan: &Plan, report: &mut Report) -> Result<LongLog> {
    let dir = tempfile::tempdir()?;
    let server = start_eventlog(binary, dir.path()).await?;
    warm_up(&server).await?;
    let posts = plan.long_log;
    let filled = measure(&server, Ask::Post, 32, posts).await?;
    ensure!(filled.requests >= posts.requests, "only {} events in {:?}", filled.requests, posts.time);
    let rss = megabytes(filled.rss);
    let (requests, rate) = (filled.requests, filled.per_second);
    println!("\n{OURS}, {requests} events logged by 32 clients: {rate:.0} req/s, RSS {rss:.1} MB");
    report.line(&json!({
        "system": OURS, "request": "long log", "clients": 32, "requests": requests,
        "req_per_s": rate, "rss_mb": rss,
    }))?;

    let asks = [1, 1000].map(|page| Ask::Page { page, limit: 100 });
    let requests = asks.map(|ask| (server.port, ask.request(server.port)));
    let p50 = compare(&requests, |nth, body| asks[nth].check(body), plan.comparison).await?.map(micros);
    for (ask, p50) in asks.iter().zip(p50) {
        println!("{OURS}, {}, in turn with the other page, 1 client: p50 {:.3} ms", ask.name(), p50 / 1e3);
        report.line(&json!({ "system": OURS, "request": ask.name(), "clients": 1, "p50_us": p50 }))?;
    }
    server.stop().await?;
    Ok(LongLog { rss, page_ratio: p50[1] / p50[0] })
}

fn print_summary(rows: &[Row], long_log: &LongLog, report: &mut Report) -> Result<()> {
    let post = |system, clients| {
        let request = Ask::Post.name();
        rows.iter().find(|row| row.request == request && row.system == system && row.clients == clients)
    };
    let ratio =
        |clients, figure: fn(&Row) -> f64| Some(figure(post(OURS, clients)?) / figure(post(PEER, clients)?));
    println!("\nSummary (ratios are {OURS} / {PEER})");
    for (clients, aim) in CLIENTS.into_iter().zip([3.0, 5.0, 5.0]) {
        let what = format!("POST requests per second, clients: {clients}");
        report.verdict(&what, ratio(clients, Row::per_second), "x", Aim::AtLeast(aim))?;
    }
    for clients in CLIENTS {
        let what = format!("CPU time per POST, clients: {clients}");
        report.verdict(&what, ratio(clients, Row::cpu), "x", Aim::AtMost(0.2))?;
    }
    report.verdict("RSS with 100,000 events logged", Some(long_log.rss), " MB", Aim::Below(40.0))?;
    report.verdict(
        "p50 of page 1,000 / p50 of page 1, limit 100",
        Some(long_log.page_ratio),
        "x",
        Aim::AtMost(1.2),
    )
}
