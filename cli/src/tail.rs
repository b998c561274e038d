//! `eventlog tail`.

mod address;
mod connection;
mod follow;
mod position;
mod print;
mod server;
#[cfg(test)]
mod tests;
mod timing;

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use eventlog_chain::EventId;
use hyper::header::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Answer;
use crate::signals::stop_on_signal;
use address::{Address, Filter};
use follow::{Begin, Following};
use print::{Form, print, wait_for_the_reader_to_go};
use server::{Server, connector};
use timing::Timing;

/// Follows a log live: every event, each once and in chain order, whatever becomes of the connection.
///
/// The hash of each event is checked, and without a filter its link to the one before: status 1 where the chain is
/// broken. The token that the log asks for is taken from the environment variable EVENTLOG_TOKEN. Ctrl-C ends it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  eventlog tail                                     what `cargo dev` logs from now on
  eventlog tail --from-start --json | jq .eventType
  eventlog tail --event-type Login --limit 1        waits for a login
  eventlog tail wss://abc.execute-api.eu-central-1.amazonaws.com/prod \\
      --http https://def.execute-api.eu-central-1.amazonaws.com --after 64fdc8e5a835b1c4d6c5693f")]
pub(crate) struct Args {
    /// URL of the WebSocket.
    #[arg(default_value = "ws://localhost:3000")]
    url: String,

    /// URL of the HTTP API, where it is not on the same host; it tells what stands in the log already.
    #[arg(long, value_name = "URL")]
    http: Option<String>,

    /// Begin after the event with this `_id`: usually the last one that was worked on.
    #[arg(long, value_name = "ID", conflicts_with = "from_start")]
    after: Option<EventId>,

    /// Begin with the first event of the log, and not with the next one.
    #[arg(long)]
    from_start: bool,

    /// Only events of this type.
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,

    /// Only events of this source.
    #[arg(long, value_name = "ID")]
    source_app_id: Option<String>,

    /// Print the exact JSON of one event a line, as `export` does.
    #[arg(long)]
    json: bool,

    /// End after so many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,

    /// Other times in milliseconds, say idle=50000 for a proxy that closes after an idle minute: open, idle, pong, age,
    /// stable, backoffFrom, backoffTo, slow, empty.
    #[arg(long, value_name = "NAME=MS,…")]
    timing: Option<Timing>,
}

/// How following, or one attempt at it, ended. Says neither the token nor a URL.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It is to be tried again after a pause.
    Again(String),
    /// The server does not do what is asked of it, and would not the next time.
    Refused(String),
    /// The log is not what it must be.
    No(String),
}

const BROKEN: &str = "the chain is broken";

/// So many events wait at most for a slow reader.
const BUFFERED: usize = 1000;

/// How long the last words may take when it is told to stop: a pipe may be full.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) fn run(args: Args) -> Result<Answer> {
    let address = Address::new(&args.url, args.http.as_deref())?;
    let timing = args.timing.unwrap_or_default();
    let following = Following {
        server: Server::new(connector(), address, token()?, timing.open),
        begin: match args.after {
            Some(id) => Begin::After(id),
            None if args.from_start => Begin::First,
            None => Begin::Now,
        },
        filter: Filter { event_type: args.event_type, source_app_id: args.source_app_id },
        timing,
    };
    let form = if args.json { Form::Json } else { Form::Short };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(tail(following, form, args.limit));
    // A thread may be writing to a pipe that nobody reads.
    runtime.shutdown_background();
    done
}

/// What `Authorization` says, if there is a token.
fn token() -> Result<Option<HeaderValue>> {
    let Some(token) = std::env::var_os("EVENTLOG_TOKEN").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let is_visible = |token: &&str| token.bytes().all(|byte| byte.is_ascii_graphic());
    let bearer = token.to_str().filter(is_visible).and_then(|token| format!("Bearer {token}").parse().ok());
    let mut bearer: HeaderValue = bearer.context("EVENTLOG_TOKEN has characters that no token can have")?;
    bearer.set_sensitive(true);
    Ok(Some(bearer))
}

async fn tail(following: Following, form: Form, limit: Option<u64>) -> Result<Answer> {
    let stop = stop_on_signal()?;
    let (events, received) = mpsc::channel(BUFFERED);
    let mut printing = tokio::task::spawn_blocking(move || print(received, form, limit, io::stdout().lock()));
    let reader_goes = tokio::task::spawn_blocking(wait_for_the_reader_to_go);
    let end = tokio::select! {
        printed = &mut printing => return written(printed?),
        () = stop.cancelled() => None,
        _ = reader_goes => None,
        end = following.follow(events, tell) => Some(end),
    };
    let Some(end) = end else {
        let printed = timeout(FAREWELL, printing).await;
        return printed.map_or(Ok(Answer::Yes), |printed| written(printed?));
    };
    tokio::select! {
        printed = printing => written(printed?)?,
        () = stop.cancelled() => return Ok(Answer::Yes),
    };
    match end {
        End::No(reason) => {
            say(&reason);
            Ok(Answer::No)
        }
        End::Refused(reason) | End::Again(reason) => Err(anyhow!(reason)),
    }
}

fn written(printed: io::Result<()>) -> Result<Answer> {
    printed.map(|()| Answer::Yes).context("cannot write the events")
}

fn tell(reason: &str, pause: Duration) {
    say(&format!("{reason}; again in {:.1} s", pause.as_secs_f64()));
}

fn say(line: &str) {
    // Whoever started us may have closed our stderr, and wants the events all the same.
    let _ = writeln!(io::stderr(), "{line}");
}
