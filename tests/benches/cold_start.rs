//! What our code adds to a Lambda function: to its size, to the time it takes to start, to each invocation.
//!
//! ```text
//! cargo build --release --bins -p eventlog-create-event -p eventlog-list-events -p eventlog-connect \
//!     -p eventlog-disconnect -p eventlog-message -p eventlog-broadcast
//! cargo build --release -p eventlog-tests --example hello-world
//! cargo bench -p eventlog-tests --bench cold_start [-- --quick]
//! ```
//!
//! The real programs, as they are deployed, run by the emulator of Lambda's Runtime API, beside a hello world of the
//! same profile. The database is a simulated replica set without delays, Secrets Manager an endpoint in this process.
//! The programs take turns, start by start and call by call, so that a machine that slows down slows all. An aim that
//! is missed is a result, a wrong answer is an error.
//!
//! What the emulator does not have is Lambda's share of a processor: on Lambda all that comes after the first request
//! for an invocation gets what the size of the function's memory buys.

/// The parts, in `benches/cold_start/`: beside this file, cargo would take each for a benchmark.
mod cold_start {
    pub(crate) mod figures;
    pub(crate) mod programs;
}

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use eventlog_ledger::EventStore;
use eventlog_simulation::{Settings, Simulation};
use eventlog_store_mongodb::{Database, Events};
use eventlog_testing::SecretReply::Text;
use eventlog_testing::{SecretsManager, draft};
use eventlog_tests::process::exit_code;

use cold_start::figures::{Aim, Samples, megabytes, verdict};
use cold_start::programs::{FUNCTIONS, Place, Program};

/// How much of everything.
struct Plan {
    starts: usize,
    calls: usize,
}

const FULL: Plan = Plan { starts: 60, calls: 3000 };
const QUICK: Plan = Plan { starts: 5, calls: 100 };

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let wants = |option: &str| std::env::args().any(|arg| arg == option);
    if !wants("--bench") {
        println!("cold_start: measured by `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    exit_code(bench(if wants("--quick") { &QUICK } else { &FULL }).await)
}

async fn bench(plan: &Plan) -> Result<()> {
    let simulation = Simulation::start(Settings::default())?;
    let mut place = Place { server: simulation.uri(), secrets: String::new() };
    let manager = SecretsManager::start([Text(place.uri("eventlog"))]).await;
    place.secrets = manager.url();
    sizes(&place)?;
    starts(&place, plan).await?;
    calls(&place, plan).await
}

fn sizes(place: &Place) -> Result<()> {
    println!("Size of the stripped program, 1 MB = 1,000,000 bytes");
    for function in FUNCTIONS {
        let aim = if function.has_database { 7.0 } else { 3.0 };
        let size = megabytes(Program::function(function, place)?.size()?);
        verdict(function.name, size, "MB", Aim::AtMost(aim));
    }
    println!("hello-world: {:.2} MB", megabytes(Program::hello_world()?.size()?));
    Ok(())
}

async fn starts(place: &Place, plan: &Plan) -> Result<()> {
    let mut programs = vec![Program::hello_world()?];
    for function in FUNCTIONS {
        programs.push(Program::function(function, place)?);
    }
    programs.push(Program::function(&FUNCTIONS[0], place)?.with_secret(place));
    let (mut ready, mut answered) = (vec![Samples::default(); 8], vec![Samples::default(); 8]);
    // The first of each only brings the program from the disk.
    for start in 0..=plan.starts {
        for (nth, program) in programs.iter().enumerate() {
            let (until_ready, until_answered) = program.start().await?;
            if start > 0 {
                ready[nth].add(until_ready);
                answered[nth].add(until_answered);
            }
        }
    }
    println!(
        "\nFrom the start of a process, medians of {} in turn (5th to 95th percentile), ms",
        plan.starts
    );
    println!("{:<36} {:<24} {:<24}", "", "until it asks for work", "until it has answered");
    for (nth, program) in programs.iter().enumerate() {
        println!("{:<36} {:<24} {:<24}", program.name, ready[nth].spread(), answered[nth].spread());
    }
    for (nth, program) in programs.iter().enumerate().skip(1) {
        let ratio = ready[nth].median() / ready[0].median();
        verdict(&program.name, ratio, "x hello-world", Aim::AtMost(1.3));
    }
    Ok(())
}

/// An invocation costs what a hello world costs (Lambda's part), what the store's call costs (the database's part, by
/// the same driver), and what our code adds.
async fn calls(place: &Place, plan: &Plan) -> Result<()> {
    let seen = Events::new(&Database::open(&place.uri("eventlog")).await?);
    let Some(event) = seen.append(vec![draft("first", "{}")]).await?.pop() else { bail!("no event") };
    // A log of its own: another's appends would be in the way of the function's, and the other way round.
    let log = Events::new(&Database::open(&place.uri("beside")).await?);
    let [create, list, message] = [0, 1, 4].map(|nth| Program::function(&FUNCTIONS[nth], place));
    let list = list?.asking(&format!("/events/{}", event.id));
    let deployed = [Program::hello_world()?, create?, list, message?].map(Program::deploy);
    let mut samples = vec![Samples::default(); 6];
    let warm_up = plan.calls / 10;
    for call in 0..warm_up + plan.calls {
        let mut times = Vec::new();
        for deployed in &deployed {
            times.push(deployed.call().await?);
        }
        let since = Instant::now();
        log.append(vec![draft("Login", r#"{"userId":"12345","action":"loggedIn"}"#)]).await?;
        times.push(since.elapsed());
        let since = Instant::now();
        seen.event(event.id).await?;
        times.push(since.elapsed());
        if call >= warm_up {
            samples.iter_mut().zip(times).for_each(|(samples, time)| samples.add(time));
        }
    }
    println!(
        "\nWarm invocations and store calls, medians of {} in turn (5th to 95th percentile), ms",
        plan.calls
    );
    let names = ["hello-world", "create-event", "list-events, by _id", "message", "append", "event by _id"];
    for (name, samples) in names.into_iter().zip(&samples) {
        println!("{name:<36} {}", samples.spread());
    }
    let [hello, create, list, message, append, find] = [0, 1, 2, 3, 4, 5].map(|nth| samples[nth].median());
    verdict("create-event - hello-world - append", create - hello - append, "ms", Aim::Below(0.3));
    verdict("list-events - hello-world - by _id", list - hello - find, "ms", Aim::Below(0.3));
    verdict("message - hello-world", message - hello, "ms", Aim::Below(0.3));
    Ok(())
}
