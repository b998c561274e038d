//! `eventlog export`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use eventlog_ledger::{EventStore, Head, Query, Seq};
use serde_json::json;

use crate::Answer;
use crate::printable::{printable, printable_json};
use crate::progress::Progress;
use crate::resume::{Begun, resume};
use crate::store::{Log, StoreArgs};

/// Writes the log as it stands now: the exact JSON of one event a line, oldest first (NDJSON).
///
/// A FILE that an earlier export of this log has written is gone on with, also if that one was interrupted.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eventlog export log.ndjson          all events; repeated later: only the new ones
  eventlog export | gzip > log.ndjson.gz
  eventlog export - | eventlog verify -")]
pub(crate) struct Args {
    /// Where to; nothing or `-`: standard output.
    file: Option<PathBuf>,

    #[command(flatten)]
    store: StoreArgs,

    /// Print one line of JSON when it is done.
    #[arg(long, requires = "file")]
    json: bool,
}

/// What was written.
struct Exported {
    /// By this run.
    events: u64,
    /// With those that were there before.
    length: u64,
}

pub(crate) async fn run(args: Args) -> Result<Answer> {
    let path = args.file.filter(|path| *path != Path::new("-"));
    let exported = match args.store.open_existing().await? {
        Log::Sqlite(log) => export(&log, path.as_deref()).await?,
        Log::MongoDb(log) => export(&log, path.as_deref()).await?,
    };
    let Some((progress, exported)) = exported else { return Ok(Answer::No) };
    if args.json && path.is_some() {
        drop(progress);
        println!("{}", printable_json(&json!({ "exported": exported.events, "length": exported.length })));
    } else {
        progress.end(exported.events);
    }
    Ok(Answer::Yes)
}

/// `None`, and said why: the file is not to be written to.
async fn export(log: &impl EventStore, path: Option<&Path>) -> Result<Option<(Progress, Exported)>> {
    let end = Head::next_seq(log.head().await.context("cannot read the log")?.as_ref());
    let Some(path) = path else {
        return Ok(Some(write(log, 0..end, io::stdout()).await?));
    };
    let cannot_write = || format!("cannot write {}", path.display());
    // A pipe, say.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        let stream = OpenOptions::new().write(true).open(path).with_context(cannot_write)?;
        return Ok(Some(write(log, 0..end, stream).await?));
    }
    let (start, file) = match resume(log, path).await.with_context(cannot_write)? {
        Begun::Until(start, file) => (start, file),
        Begun::Busy => return Ok(refuse(path, "another process is writing it")),
        Begun::Foreign => return Ok(refuse(path, "it does not end with an event of this log")),
    };
    let written = write(log, start..end.max(start), &file).await?;
    file.sync_all().with_context(cannot_write)?;
    Ok(Some(written))
}

fn refuse<T>(path: &Path, why: &str) -> Option<T> {
    eprintln!("refused: {} is left as it is: {why}", printable(&path.display().to_string()));
    None
}

async fn write(
    log: &impl EventStore,
    places: Range<Seq>,
    mut out: impl Write,
) -> Result<(Progress, Exported)> {
    const EVENTS: u64 = 1000;
    const BYTES: usize = 4 << 20;
    let progress = Progress::of(Some(places.end - places.start));
    let mut next = places.start;
    let mut text = String::new();
    while next < places.end {
        let limit = EVENTS.min(places.end - next) as usize;
        let page = log.page(Query::from_place(next, limit, BYTES)).await.context("cannot read the log")?;
        ensure!(!page.events.is_empty(), "the log ends at seq {next}, before its head");
        for event in &page.events {
            event.write_json(&mut text);
            text.push('\n');
        }
        out.write_all(text.as_bytes()).context("cannot write the events")?;
        text.clear();
        next += page.events.len() as u64;
        progress.at(next - places.start, next);
    }
    out.flush().context("cannot write the events")?;
    Ok((progress, Exported { events: next - places.start, length: next }))
}
