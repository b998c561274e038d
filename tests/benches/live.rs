//! What it costs to bring each event to all sockets: deliveries a second, latency, CPU time and memory of `eventlog
//! dev`, beside those of a broadcast with Node.js and `ws` in the same run.
//!
//! ```text
//! cargo build --release -p eventlog-cli
//! npm install --prefix /some/folder ws@8.23.0
//! EVENTLOG_WS=/some/folder cargo bench -p eventlog-tests --bench live [-- [posts] [--quick | --tune]]
//! ```
//!
//! Without `EVENTLOG_WS`, or without `node`, only `eventlog` is measured. `EVENTLOG_BIN` names another binary to test,
//! `EVENTLOG_BENCH_JSON` a file for the results (absolute paths: cargo runs a benchmark in its package's folder). The
//! systems take turns, each time as a fresh process, so that a machine that slows down slows both; every figure is the
//! median of the rounds. Nothing but 127.0.0.1 is contacted. An aim that is missed is a result, a wrong answer is an
//! error.
//!
//! There are two paces. First a poster sends its next event when the last one is answered: what a server answers before
//! it has delivered it queues, and the deliveries a second are all that it can do. Then a poster waits until all sockets
//! have its event: nothing queues but the events of the other posters, and the latencies are those of a system that
//! keeps up.
//!
//! `posts` measures [the way to AWS](live::posts) instead.

/// The parts, in `benches/live/`: beside this file, cargo would take each for a benchmark.
mod live {
    pub(crate) mod crowd;
    pub(crate) mod files;
    pub(crate) mod node;
    pub(crate) mod posts;
    pub(crate) mod socket;
    pub(crate) mod stage;
    pub(crate) mod table;
    pub(crate) mod tally;
}

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use eventlog_tests::process::{exit_code, until_interrupted};
use eventlog_tests::report::{Aim, Report};
use eventlog_tests::systems::eventlog_binary;

use live::files;
use live::node::Node;
use live::posts::{self, endpoint};
use live::stage::{self, Size, System};
use live::table::{self, Row};

const POSTERS: [usize; 2] = [1, 8];
/// The number of sockets that there is an aim for.
const AIM_AT: usize = 500;

/// How much of everything.
struct Plan {
    rounds: usize,
    sockets: &'static [usize],
    size: Size,
}

const FULL: Plan = Plan {
    rounds: 3,
    sockets: &[1, 50, AIM_AT, 5_000],
    size: Size { deliveries: 1_000_000, events: 20_000, time: Duration::from_secs(5) },
};

/// A look at whether it still runs; the figures mean little.
const QUICK: Plan = Plan {
    rounds: 1,
    size: Size { deliveries: 100_000, events: 2_000, time: Duration::from_secs(1) },
    ..FULL
};

/// For who tunes it.
const TUNE: Plan = Plan { sockets: &[AIM_AT], ..FULL };

/// One thread: the second core of a small machine is the server's.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wants = |option: &str| arguments.iter().any(|argument| argument == option);
    let is_quick = wants("--quick");
    let done = match &arguments[..] {
        [role, certificate] if role == endpoint::ROLE => endpoint::serve(certificate).await,
        _ if !wants("--bench") => {
            println!("live: measured by `cargo bench` only");
            Ok(())
        }
        _ if wants("posts") => {
            until_interrupted(posts::bench(if is_quick { &posts::QUICK } else { &posts::FULL })).await
        }
        _ if is_quick => until_interrupted(bench(&QUICK)).await,
        _ if wants("--tune") => until_interrupted(bench(&TUNE)).await,
        _ => until_interrupted(bench(&FULL)).await,
    };
    exit_code(done)
}

async fn bench(plan: &Plan) -> Result<()> {
    let binary = eventlog_binary()?;
    let mut report = Report::open()?;
    let node = Node::find().await.inspect_err(|why| println!("no Node.js beside it: {why:#}")).ok();
    let mut systems = vec![System::Eventlog(&binary)];
    systems.extend(node.as_ref().map(System::Node));
    print_legend(plan, node.is_some());
    table::print_headings();
    let mut rows = Vec::new();
    for &sockets in plan.sockets {
        if let Err(why) = files::allow(sockets) {
            println!("{sockets} sockets are left out: {why:#}");
            continue;
        }
        for posters in POSTERS {
            for row in take_turns(&systems, sockets, posters, plan).await? {
                table::print(&row, &mut report)?;
                rows.push(row);
            }
        }
    }
    print_summary(&rows, &mut report)
}

/// Every round of one system and then of the other; who is first changes from round to round.
async fn take_turns(systems: &[System<'_>], sockets: usize, posters: usize, plan: &Plan) -> Result<Vec<Row>> {
    let row = |system: &System<'_>| Row { system: system.name(), sockets, posters, rounds: Vec::new() };
    let mut rows: Vec<Row> = systems.iter().map(row).collect();
    for round in 0..plan.rounds {
        let mut turns: Vec<_> = rows.iter_mut().zip(systems).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for (row, system) in turns {
            row.rounds.push(stage::run(*system, sockets, posters, plan.size).await?);
        }
    }
    Ok(rows)
}

fn print_legend(plan: &Plan, with_node: bool) {
    match plan.rounds {
        1 => println!("One short round: a smoke test, not a measurement. 1 MB = 1,000,000 bytes."),
        rounds => println!("Every figure is the median of {rounds} rounds. 1 MB = 1,000,000 bytes."),
    }
    println!(
        "CPU and RSS are those of the server process with all its threads, the POSTs included. The load\n\
         generator is one thread; its CPU time, µs for each delivery, is in the last column."
    );
    if with_node {
        println!("Kind to Node.js: it stores, checks and hashes nothing. eventlog's log is on disk.");
    }
    println!();
}

fn print_summary(rows: &[Row], report: &mut Report) -> Result<()> {
    let row = |system, posters| {
        rows.iter().find(|row| row.system == system && row.sockets == AIM_AT && row.posters == posters)
    };
    let ratio = |posters, figure: fn(&Row) -> f64| {
        Some(figure(row("eventlog", posters)?) / figure(row("node ws", posters)?))
    };
    println!("\nSummary (ratios are eventlog / node ws, at {AIM_AT} sockets)");
    for posters in POSTERS {
        let what = format!("deliveries/s, posters: {posters}");
        report.verdict(&what, ratio(posters, Row::per_second), "x", Aim::AtLeast(2.0))?;
    }
    for posters in POSTERS {
        let what = format!("deliveries/s in step, posters: {posters}");
        report.verdict(&what, ratio(posters, Row::per_second_in_step), "x", Aim::AtLeast(2.0))?;
    }
    let ours = rows.iter().filter(|row| row.system == "eventlog").map(Row::audit);
    let (missing, out_of_order) =
        ours.fold((0, 0), |sum, audit| (sum.0 + audit.missing, sum.1 + audit.out_of_order));
    report.verdict("missing, at any number of sockets", Some(missing as f64), "", Aim::AtMost(0.0))?;
    report.verdict("out of order, at any number of sockets", Some(out_of_order as f64), "", Aim::AtMost(0.0))
}
