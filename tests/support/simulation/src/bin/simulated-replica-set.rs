//! A simulated replica set as a process.
//!
//! The process prints its port on one line and ends at the end of its standard input. It replies with one line to
//! each of the input lines `fail-over`, `restart` (keeps all writes) and `counts`.

use std::io::BufRead;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use eventlog_simulation::{RestartState, Settings, Simulation};

/// A simulated MongoDB replica set, in memory, on the loopback interface.
#[derive(Parser)]
struct Arguments {
    /// Port; 0 selects a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Network round trip in microseconds.
    #[arg(long, default_value_t = 0)]
    round_trip: u64,
    /// Time until a majority has a write, in microseconds.
    #[arg(long, default_value_t = 0)]
    majority_delay: u64,
    /// Further time until majority reads see it, in microseconds.
    #[arg(long, default_value_t = 0)]
    read_lag: u64,
    /// Time without a primary after a fail-over, in milliseconds.
    #[arg(long, default_value_t = 0)]
    election: u64,
    /// Busy wait for exact delays.
    #[arg(long)]
    precise: bool,
    /// Number of threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let simulation = Simulation::start(Settings {
        port: arguments.port,
        round_trip: Duration::from_micros(arguments.round_trip),
        majority_delay: Duration::from_micros(arguments.majority_delay),
        read_lag: Duration::from_micros(arguments.read_lag),
        election: Duration::from_millis(arguments.election),
        precise: arguments.precise,
        threads: arguments.threads,
        ..Settings::default()
    })?;
    println!("{}", simulation.port());
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "fail-over" => println!("rolled back {}", simulation.fail_over()?),
            "restart" => println!("rolled back {}", simulation.restart(RestartState::Local)?),
            "counts" => println!("{:?}", simulation.counts()),
            other => bail!("unknown command {other:?}: must be fail-over, restart or counts"),
        }
    }
    Ok(())
}
