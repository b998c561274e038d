//! `eventlog import`.

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};
use eventlog_ledger::{Event, EventStore, Head, Query, Seq, StoreError, check_limits};
use serde_json::json;

use crate::Answer;
use crate::lines::{Export, Fault, open};
use crate::printable::{printable, printable_json};
use crate::progress::{Progress, counted};
use crate::store::{Log, StoreArgs};

/// Puts an export into a log: the same events, byte for byte.
///
/// What the log has already is passed over, so an import that was interrupted is completed by repeating it. Where a line
/// does not verify, is beyond the limits of an event, or the log has something else, nothing is written from there on.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eventlog import log.ndjson
  eventlog import log.ndjson --mongodb-uri mongodb://localhost/eventlog
  gunzip -c log.ndjson.gz | eventlog import - --data restored")]
pub(crate) struct Args {
    /// The export; `-`: standard input.
    file: PathBuf,

    #[command(flatten)]
    store: StoreArgs,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// So many events are made durable at a time.
const BATCH: usize = 1000;

/// A log that takes an export.
struct Import<L> {
    log: L,
    head: Option<Head>,
    /// The place of the next event of the export.
    next: Seq,
    imported: u64,
    refused: Option<Fault>,
}

pub(crate) async fn run(args: Args) -> Result<Answer> {
    let (input, len) = open(&args.file)?;
    let progress = Progress::of(len);
    let export = Export::new(input);
    let done = match args.store.open().await? {
        Log::Sqlite(log) => {
            let done = import(log.clone(), export, &progress).await;
            let closed = log.close().await.context("failed to close the log");
            done.and_then(|done| closed.map(|()| done))
        }
        Log::MongoDb(log) => import(log, export, &progress).await,
    };
    let (next, imported, refused) = done?;
    let there = next - imported;
    if args.json {
        drop(progress);
        let refused = refused.as_ref().map(|Fault { line, id, reason }| {
            json!({ "line": line, "_id": id.map(|id| id.to_string()), "reason": reason })
        });
        let summary = json!({ "imported": imported, "alreadyThere": there, "refused": refused });
        println!("{}", printable_json(&summary));
    } else {
        progress.end(imported);
        if there > 0 {
            eprintln!("{} were there already", counted(there));
        }
        if let Some(Fault { line, id, reason }) = &refused {
            let id = id.map(|id| format!(" (_id {id})")).unwrap_or_default();
            let (before, reason) = (counted(next), printable(reason));
            eprintln!("refused from line {line}{id} on: {reason}. The log has what is before it: {before}.");
        }
    }
    Ok(if refused.is_none() { Answer::Yes } else { Answer::No })
}

async fn import<R: Read + Send + 'static>(
    log: impl EventStore,
    mut export: Export<R>,
    progress: &Progress,
) -> Result<(Seq, u64, Option<Fault>)> {
    let head = log.head().await.context("cannot read the log")?;
    let mut import = Import { log, head, next: 0, imported: 0, refused: None };
    while import.refused.is_none() {
        // Another thread waits for the input.
        let read = tokio::task::spawn_blocking(move || {
            let block = export.next(could_be_logged);
            (export, block)
        });
        let block;
        (export, block) = read.await?;
        let Some(block) = block.context("cannot read the export")? else { break };
        import.take(block.events).await?;
        import.refused = import.refused.or(block.fault);
        progress.at(export.position(), import.next);
    }
    Ok((import.next, import.imported, import.refused))
}

/// Whoever reads a log may rely on the limits of what is taken into it.
fn could_be_logged(event: Event) -> Result<Event, String> {
    check_limits(&event).map_err(|fault| format!("it could not have been logged: {fault}"))?;
    Ok(event)
}

impl<L: EventStore> Import<L> {
    /// Takes the next events of the export, as far as they fit the log.
    async fn take(&mut self, mut events: Vec<Event>) -> Result<()> {
        while !events.is_empty() && self.refused.is_none() {
            let known = Head::next_seq(self.head.as_ref()).saturating_sub(self.next);
            if known > 0 {
                self.compare(&mut events, known).await?;
            } else {
                self.restore(&mut events).await?;
            }
        }
        Ok(())
    }

    /// Passes over events that the log has, `known` of them at most.
    async fn compare(&mut self, events: &mut Vec<Event>, known: u64) -> Result<()> {
        let limit = events.len().min(usize::try_from(known).unwrap_or(usize::MAX));
        let page = self.log.page(Query::from_place(self.next, limit, usize::MAX)).await;
        let stored = page.context("cannot read the log")?.events;
        let same = stored.iter().zip(&*events).take_while(|(stored, event)| stored == event).count();
        events.drain(..same);
        self.next += same as u64;
        if same < limit {
            let reason = match stored.get(same) {
                Some(stored) => format!("the log has another event there, {}", stored.id),
                None => "the log ends before its head".into(),
            };
            self.refuse(events.first(), reason);
        }
        Ok(())
    }

    /// Appends some of the events, which all stand behind the end of the log as it was last seen.
    async fn restore(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let batch: Vec<_> = events.iter().take(BATCH).cloned().collect();
        let count = batch.len();
        match self.log.restore(self.head, batch).await {
            Ok(head) => {
                self.head = head;
                events.drain(..count);
                self.next += count as u64;
                self.imported += count as u64;
            }
            // Somebody else has appended: the same, perhaps.
            Err(StoreError::Conflict) => {
                let head = self.log.head().await.context("cannot read the log")?;
                if head == self.head {
                    let reason = format!("its _id, or that of one of the {count} from there on, is not new");
                    self.refuse(events.first(), reason);
                }
                self.head = head;
            }
            Err(error) => {
                return Err(error).context("cannot write to the log; repeating the command is safe");
            }
        }
        Ok(())
    }

    fn refuse(&mut self, event: Option<&Event>, reason: String) {
        self.refused = Some(Fault { line: self.next + 1, id: event.map(|event| event.id), reason });
    }
}
