//! `eventlog verify`.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eventlog_ledger::verify::{InvalidEvent, Start, verify};
use eventlog_ledger::{EventId, EventStore, Head, StoreError, Tip};
use serde_json::{Value, json};

use crate::Answer;
use crate::lines::{Export, open};
use crate::printable::{printable, printable_json};
use crate::progress::{Progress, counted};
use crate::store::{Log, StoreArgs};

/// Checks a whole log: that every event stands where and as it was linked.
///
/// Status 0 where it does; 1 where it does not, and the first event that does not is named.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eventlog verify                     the log of `cargo dev`
  eventlog verify log.ndjson          an export, without any database
  curl -s https://example.com/log.ndjson | eventlog verify -
  eventlog verify --mongodb-uri mongodb://localhost/eventlog --json")]
pub(crate) struct Args {
    /// An export to check and not a log in its store; `-`: standard input.
    #[arg(conflicts_with_all = ["data", "mongodb_uri"])]
    file: Option<PathBuf>,

    #[command(flatten)]
    store: StoreArgs,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Verdict {
    checked: u64,
    tip: Option<Tip>,
    invalid: Option<Invalid>,
}

/// The first event that does not fit.
struct Invalid {
    place: Place,
    id: Option<EventId>,
    reason: String,
}

enum Place {
    Line(u64),
    Seq(u64),
}

pub(crate) async fn run(args: Args) -> Result<Answer> {
    let (progress, verdict) = match args.file {
        Some(path) => tokio::task::spawn_blocking(move || verify_export(&path)).await??,
        None => match args.store.open_existing().await? {
            Log::Sqlite(log) => verify_log(&log).await?,
            Log::MongoDb(log) => verify_log(&log).await?,
        },
    };
    if args.json {
        drop(progress);
        println!("{}", printable_json(&verdict.to_json()));
    } else {
        progress.end(verdict.checked);
        println!("{}", printable(&verdict.to_sentence()));
    }
    Ok(if verdict.invalid.is_none() { Answer::Yes } else { Answer::No })
}

fn verify_export(path: &Path) -> Result<(Progress, Verdict)> {
    let (input, len) = open(path)?;
    let mut export = Export::new(input);
    let progress = Progress::of(len);
    let (mut invalid, mut checked) = (None, 0);
    // Some 20 bytes an event.
    let mut ids = HashSet::new();
    while invalid.is_none()
        && let Some(block) =
            export.next(|event| Ok(event.id)).with_context(|| format!("cannot read {}", path.display()))?
    {
        invalid = block.fault.map(|fault| Invalid {
            place: Place::Line(fault.line),
            id: fault.id,
            reason: fault.reason,
        });
        let repeated = block.events.iter().position(|id| !ids.insert(*id));
        if let Some(nth) = repeated {
            let (place, id) = (Place::Line(checked + nth as u64 + 1), Some(block.events[nth]));
            invalid = Some(Invalid { place, id, reason: "an event before it has the same _id".into() });
        }
        checked += repeated.unwrap_or(block.events.len()) as u64;
        progress.at(export.position(), checked);
    }
    let invalid = invalid.or_else(|| nothing(checked, Place::Line(1)));
    Ok((progress, Verdict { checked, tip: export.tip(), invalid }))
}

/// Returns the verdict on a log without events: a lost export must not count as a valid one.
fn nothing(checked: u64, place: Place) -> Option<Invalid> {
    let reason = "there is no event, so nothing was verified".into();
    (checked == 0).then_some(Invalid { place, id: None, reason })
}

async fn verify_log(log: &impl EventStore) -> Result<(Progress, Verdict)> {
    /// Events between two looks at the progress.
    const WINDOW: u64 = 10_000;
    let len = match log.head().await {
        Ok(head) => Some(Head::next_seq(head.as_ref())),
        // Where it is damaged is found on the way.
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(error).context("cannot read the log"),
    };
    let progress = Progress::of(len);
    let (mut start, mut checked) = (Start::default(), 0);
    let invalid = loop {
        let window = verify(log, start, WINDOW).await.context("cannot read the log")?;
        checked += window.checked;
        progress.at(checked, checked);
        start = window.end;
        if window.invalid.is_some() || !window.has_more {
            break window.invalid;
        }
    };
    let invalid =
        invalid.map(|InvalidEvent { id, reason }| Invalid { place: Place::Seq(checked), id, reason });
    Ok((
        progress,
        Verdict { checked, tip: start.tip(), invalid: invalid.or_else(|| nothing(checked, Place::Seq(0))) },
    ))
}

impl Verdict {
    /// As `GET /chain/verify` answers, and where the event stands.
    fn to_json(&self) -> Value {
        match &self.invalid {
            None => {
                let hash = self.tip.map(|tip| tip.hash.to_string()).unwrap_or_default();
                json!({ "valid": true, "checked": self.checked, "headHash": hash })
            }
            Some(Invalid { place, id, reason }) => {
                let (name, place) = match place {
                    Place::Line(line) => ("line", line),
                    Place::Seq(seq) => ("seq", seq),
                };
                let id = id.map(|id| id.to_string());
                let first = json!({ name: place, "_id": id, "reason": reason });
                json!({ "valid": false, "checked": self.checked, "firstInvalid": first })
            }
        }
    }

    fn to_sentence(&self) -> String {
        let checked = counted(self.checked);
        match (&self.invalid, self.tip) {
            (None, tip) => {
                let hash = tip.map(|tip| tip.hash.to_string()).unwrap_or_default();
                format!("valid: {checked}, one chain, ends in {hash}")
            }
            (Some(Invalid { place, id, reason }), _) => {
                let id = id.map(|id| format!(" (_id {id})")).unwrap_or_default();
                format!("broken at {place}{id}: {reason}. What is before it is good: {checked}.")
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Seq(seq) => write!(f, "seq {seq}"),
        }
    }
}
