//! The command line.

mod dev;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An event log: every event linked into one hash chain, over HTTP and WebSocket.
///
/// Exit status: 0 done; 1 the answer is no (a broken chain, say); 2 it could not be done.
#[derive(Parser)]
#[command(name = "eventlog", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dev(dev::Args),
}

const COULD_NOT_BE_DONE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(args) => dev::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(COULD_NOT_BE_DONE)
        }
    }
}
