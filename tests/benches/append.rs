//! What an append costs when many processes append to one chain: ours beside the usual ways, in one run on a
//! simulated replica set.
//!
//! ```text
//! cargo build --release -p eventlog-create-event
//! cargo bench -p eventlog-tests --bench append [-- --quick | --tune]
//! ```
//!
//! Each writer is a process of its own that has one append under way at a time, as an instance of a Lambda function
//! has; the server is another, [2 ms](server::ROUND_TRIP) away, and a majority has a write
//! [2.5 ms](server::MAJORITY_DELAY) after it was applied. The ways take turns; every figure is the median of the
//! rounds. After each phase the log is checked. The figures over the number of writers are drawn into
//! `docs/append-light.svg` and `docs/append-dark.svg`. Nothing but 127.0.0.1 is contacted.
//!
//! All processes share the machine: its CPU time is in the last column. Where that nears 100 %, the machine is
//! measured and not the protocol.

/// The parts, in `benches/append/`: beside this file, cargo would take each for a benchmark.
mod append {
    pub(crate) mod audit;
    pub(crate) mod chart;
    pub(crate) mod figures;
    pub(crate) mod fleet;
    pub(crate) mod instance;
    pub(crate) mod machine;
    pub(crate) mod report;
    pub(crate) mod server;
    pub(crate) mod strategy;
    pub(crate) mod writer;
}

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use eventlog_tests::process::exit_code;

use append::figures::{Phase, Row};
use append::fleet::run_phase;
use append::server::Server;
use append::strategy::Strategy;
use append::{chart, instance, report, server, writer};

const WRITERS: [usize; 5] = [1, 4, 16, 32, 64];

/// How much of everything.
struct Plan {
    rounds: usize,
    phase: Duration,
    writers: &'static [usize],
    strategies: &'static [Strategy],
}

const FULL: Plan =
    Plan { rounds: 3, phase: Duration::from_secs(2), writers: &WRITERS, strategies: &Strategy::ALL };

/// A look at whether it still runs; the figures mean little.
const QUICK: Plan = Plan { rounds: 1, phase: Duration::from_secs(1), ..FULL };

/// Ours alone, for who tunes it.
const TUNE: Plan =
    Plan { rounds: 1, phase: Duration::from_secs(3), strategies: &[Strategy::GroupCommit], ..FULL };

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wants = |option: &str| arguments.iter().any(|argument| argument == option);
    let done = match arguments.first().map(String::as_str) {
        Some(server::ROLE) => server::serve(),
        Some(writer::ROLE) => writer::write(&arguments[1..]),
        _ if !wants("--bench") => {
            println!("append: measured by `cargo bench` only");
            Ok(())
        }
        _ if wants("--quick") => bench(&QUICK),
        _ if wants("--tune") => bench(&TUNE),
        _ => bench(&FULL),
    };
    exit_code(done)
}

#[tokio::main(flavor = "current_thread")]
async fn bench(plan: &Plan) -> Result<()> {
    let mut server = Server::start().await?;
    let mut rows: Vec<Row> = Vec::new();
    report::print_headings();
    for &writers in plan.writers {
        let mut phases: Vec<Vec<Phase>> = plan.strategies.iter().map(|_| Vec::new()).collect();
        for round in 0..plan.rounds {
            for (&strategy, phases) in plan.strategies.iter().zip(&mut phases) {
                phases.push(run_phase(&mut server, strategy, writers, round, plan.phase).await?);
            }
        }
        for (&strategy, phases) in plan.strategies.iter().zip(&phases) {
            let row = Row::of(strategy, writers, phases);
            report::print_row(&row);
            rows.push(row);
        }
    }
    let memory = instance::memory(&server).await?;
    report::print_summary(&rows, memory);
    if plan.rounds > 1 {
        chart::draw(&rows)?;
    }
    Ok(())
}
