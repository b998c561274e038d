//! `eventlog backup`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Result, bail};
use eventlog_ledger::Head;
use eventlog_store_sqlite::{BackupError, Copied, backup};
use serde_json::json;

use crate::Answer;
use crate::printable::printable_json;
use crate::progress::{Progress, counted};
use crate::store::{Place, StoreArgs};

/// Copies the embedded log into one new file, while servers and commands go on using the log.
///
/// The copy holds every event that was acknowledged before the command began. To restore it, put it into an empty folder
/// as `events.db`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eventlog backup log-2026-12-01.db
  mkdir restored && cp log-2026-12-01.db restored/events.db && eventlog verify --data restored")]
pub(crate) struct Args {
    /// The new file; an existing one is left as it is.
    file: PathBuf,

    #[command(flatten)]
    store: StoreArgs,

    /// Print one line of JSON when it is done.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<Answer> {
    let Args { file, store, json } = args;
    let folder = match store.existing_place()? {
        Place::Folder(folder) => folder,
        Place::MongoDb(_) => bail!(
            "backup is for the embedded database; for MongoDB use mongodump or the backups of Atlas, or eventlog export"
        ),
    };
    let progress = Progress::of(None);
    let copied = tokio::task::spawn_blocking(move || {
        let head = backup(&folder, &file, |Copied { pages, .. }| {
            progress.at(pages, 0);
            ControlFlow::Continue(())
        })?;
        Ok::<_, BackupError>((progress, Head::next_seq(head.as_ref())))
    });
    let (progress, length) = copied.await??;
    if json {
        drop(progress);
        println!("{}", printable_json(&json!({ "length": length })));
    } else {
        progress.end(length);
        println!("backed up: {}", counted(length));
    }
    Ok(Answer::Yes)
}
