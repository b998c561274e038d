//! The command line.

mod backup;
mod dev;
mod export;
mod import;
mod lines;
mod printable;
mod progress;
mod resume;
mod signals;
mod store;
mod tail;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eventlog_ledger::StoreError;
use eventlog_store_sqlite::{BackupError, OpenError};

use printable::printable;

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
    Verify(verify::Args),
    Export(export::Args),
    Import(import::Args),
    Backup(backup::Args),
    Tail(tail::Args),
}

/// What a command that could be carried out came to. It has been told to the user.
enum Answer {
    Yes,
    No,
}

const ANSWER_IS_NO: u8 = 1;
const COULD_NOT_BE_DONE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(args) => dev::run(args),
        Command::Verify(args) => signals::run(verify::run(args)),
        Command::Export(args) => signals::run(export::run(args)),
        Command::Import(args) => signals::run(import::run(args)),
        Command::Backup(args) => signals::run(backup::run(args)),
        Command::Tail(args) => tail::run(args),
    };
    match done {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(ANSWER_IS_NO),
        Err(error) => {
            eprintln!("error: {}", printable(&format!("{error:#}")));
            ExitCode::from(if is_damage(&error) { ANSWER_IS_NO } else { COULD_NOT_BE_DONE })
        }
    }
}

/// Returns whether a command failed because the log is damaged, which a repeat does not mend.
fn is_damage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(StoreError::Corrupt { .. }))
            || matches!(cause.downcast_ref(), Some(OpenError::Damaged { .. }))
            || matches!(cause.downcast_ref(), Some(BackupError::Read(StoreError::Corrupt { .. })))
    })
}
