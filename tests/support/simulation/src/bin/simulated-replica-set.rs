//! A simulated replica set as a process of its own.
//!
//! Prints its port on one line and ends with its standard input. The lines `fail-over`, `restart` (all is kept)
//! and `counts` on its standard input are answered by one line each.

use std::io::BufRead;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use eventlog_simulation::{Keep, Settings, Simulation};

/// A simulated MongoDB replica set, in memory, on the loopback interface.
#[derive(Parser)]
struct Arguments {
    /// Port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Microseconds on the network, to and fro.
    #[arg(long, default_value_t = 0)]
    round_trip: u64,
    /// Microseconds until a majority has a write.
    #[arg(long, default_value_t = 0)]
    majority_delay: u64,
    /// Microseconds more until majority reads see it.
    #[arg(long, default_value_t = 0)]
    read_lag: u64,
    /// Milliseconds without a primary after a fail-over.
    #[arg(long, default_value_t = 0)]
    election: u64,
    /// Spin for exact delays.
    #[arg(long)]
    precise: bool,
    /// Threads that serve.
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
            "restart" => println!("rolled back {}", simulation.restart(Keep::Local)?),
            "counts" => println!("{:?}", simulation.counts()),
            other => bail!("neither fail-over nor restart nor counts: {other}"),
        }
    }
    Ok(())
}
