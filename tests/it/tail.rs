//! `eventlog tail`.

mod proxy;

use std::process::Stdio;

use eventlog_chain::Event;
use eventlog_ledger::EventStore;
use eventlog_store_sqlite::{Durability, Events};
use eventlog_testing::{Random, trial, within};
use libtest_mimic::Trial;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::Client;
use crate::exports::{Ended, chain, lines, run, succeed};
use crate::system::{Backend, Data, System, eventlog};
use proxy::Proxy;

pub(crate) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("tail_follows_from_the_first_event"), move || from_the_first(backend)),
        trial(&backend.name("tail_follows_from_now"), move || from_now(backend)),
        trial(&backend.name("tail_misses_nothing_through_cuts_and_kills"), move || cuts_and_kills(backend)),
        trial(&backend.name("tail_takes_filters"), move || filters(backend)),
        trial(&backend.name("tail_says_no"), move || says_no(backend)),
    ]
}

/// What needs no second backend.
pub(crate) fn trials_on_one() -> Vec<Trial> {
    vec![
        trial("tail_ends_when_nobody_reads_it", nobody_reads),
        trial("tail_finds_a_broken_chain", a_broken_chain),
        trial("tail_keeps_the_token_to_itself", the_token),
    ]
}

/// `eventlog tail` on a port, with these arguments.
fn tail(port: u16, arguments: &[&str]) -> Command {
    let mut command = eventlog(&["tail"]);
    command.arg(format!("ws://localhost:{port}")).args(arguments);
    command
}

/// One that is running.
struct Tail {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(mut command: Command) -> Self {
        let mut process = command.spawn().expect("a process");
        let lines = BufReader::new(process.stdout.take().expect("its stdout")).lines();
        Self { process, lines }
    }

    async fn line(&mut self) -> String {
        within("a line", self.lines.next_line()).await.expect("text").expect("a line")
    }

    /// Its status, and what it said on stderr.
    async fn end(mut self) -> (Option<i32>, String) {
        drop(self.lines);
        let status = within("the end", self.process.wait()).await.expect("its end");
        let mut errors = String::new();
        let mut stderr = self.process.stderr.take().expect("its stderr");
        stderr.read_to_string(&mut errors).await.expect("its errors");
        (status.code(), errors)
    }

    /// After a signal, by name.
    async fn signal(self, signal: &str) -> (Option<i32>, String) {
        let pid = self.process.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().await.expect("kill").success());
        self.end().await
    }
}

async fn log_some(client: &mut Client, count: usize) -> Vec<Event> {
    let mut logged = Vec::new();
    for n in 0..count {
        logged.push(client.log("some", &format!(r#"{{"n":{n},"a":[1.0,"\u00e9"]}}"#)).await);
    }
    logged
}

async fn from_the_first(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    // While the log is empty, too.
    let mut early = Tail::start(tail(system.port, &["--from-start", "--json", "--timing", "empty=1"]));
    let mut events = log_some(&mut client, 3).await;
    let mut late = Tail::start(tail(system.port, &["--from-start", "--json"]));
    let mut after = Tail::start(tail(system.port, &["--after", &events[1].id.to_string(), "--json"]));
    let mut read = Tail::start(tail(system.port, &["--from-start"]));
    events.extend(log_some(&mut client, 3).await);
    for event in &events {
        assert_eq!(early.line().await, event.to_json());
        assert_eq!(late.line().await, event.to_json());
        let Event { timestamp, data_payload, .. } = event;
        assert_eq!(read.line().await, format!("{timestamp}  some  App1  {data_payload}"));
    }
    for event in &events[2..] {
        assert_eq!(after.line().await, event.to_json());
    }
    for (tail, signal) in [(early, "INT"), (late, "TERM"), (after, "INT"), (read, "INT")] {
        assert_eq!(tail.signal(signal).await, (Some(0), String::new()));
    }
    assert_eq!(succeed(data.command(&["export"])).await, lines(&events));
}

async fn from_now(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let before = log_some(&mut client, 3).await;
    let tailing = tokio::spawn(run(tail(system.port, &["--json", "--limit", "5"])));
    let mut count = 0;
    while !tailing.is_finished() {
        count += log_some(&mut client, 1).await.len();
    }
    let Ended { code, stdout, stderr } = tailing.await.expect("its end");
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let log = client.check_log().await;
    let first = log.iter().position(|event| stdout.starts_with(&event.to_json())).expect("of this log");
    assert!((before.len()..=count).contains(&first), "{first}");
    assert_eq!(stdout, lines(&log[first..first + 5]));
}

/// Each connection breaks off after some bytes, and the server is killed twice.
async fn cuts_and_kills(backend: Backend) {
    const EACH: usize = 100;
    let data = Data::fresh(backend);
    let mut system = data.serve().await;
    let proxy = Proxy::start(system.port, Random::new(7)).await;
    let limit = (3 * 4 * EACH).to_string();
    let arguments =
        ["--from-start", "--json", "--limit", &limit, "--timing", "backoffFrom=20,backoffTo=20,empty=1"];
    let tailing = tokio::spawn(run(tail(proxy.port, &arguments)));
    for round in 0..3 {
        if round > 0 {
            System::kill(system).await;
            system = data.serve().await;
            proxy.lead_to(system.port);
        }
        let mut posters = Vec::new();
        for _ in 0..4 {
            let mut client = system.client().await;
            posters.push(tokio::spawn(async move { log_some(&mut client, EACH).await }));
        }
        for poster in posters {
            poster.await.expect("a poster");
        }
    }
    let Ended { code, stdout, stderr } = tailing.await.expect("its end");
    let log = system.client().await.check_log().await;
    assert!(stdout == lines(&log), "the whole log, each event once: {stderr}");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(proxy.cuts() > 5, "{} cuts", proxy.cuts());
}

async fn filters(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let body = |event_type: &str, source: &str| {
        format!(r#"{{"eventType":"{event_type}","sourceAppId":"{source}","dataPayload":{{}}}}"#)
    };
    let filter = ["--event-type", "A & b", "--source-app-id", "é", "--limit", "2", "--json"];
    for (n, begin) in [&["--from-start"][..], &[]].into_iter().enumerate() {
        let tailing = tokio::spawn(run(tail(system.port, &[begin, &filter].concat())));
        while !tailing.is_finished() {
            for (event_type, source) in [("A & b", "other"), ("other", "é"), ("A & b", "é")] {
                assert_eq!(client.post(body(event_type, source)).await.status, 201);
            }
        }
        let Ended { code, stdout, stderr } = tailing.await.expect("its end");
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        let mut log = client.check_log().await;
        log.retain(|event| event.event_type == "A & b" && event.source_app_id == "é");
        let first = log.iter().position(|event| stdout.starts_with(&event.to_json())).expect("of this log");
        assert_eq!(stdout, lines(&log[first..first + 2]));
        assert_eq!(first > 0, n > 0, "{first}");
    }
}

async fn says_no(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    log_some(&mut system.client().await, 1).await;
    let missing = "0".repeat(24);
    let Ended { code, stdout, stderr } = run(tail(system.port, &["--after", &missing])).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!(stderr, format!("event {missing} is not in this log (any more)\n"));
}

/// As in `eventlog tail | head -1`: it ends though nothing more is logged.
async fn nobody_reads() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let logged = log_some(&mut system.client().await, 1).await;
    let mut tail = Tail::start(tail(system.port, &["--from-start", "--json"]));
    assert_eq!(tail.line().await, logged[0].to_json());
    assert_eq!(tail.end().await, (Some(0), String::new()));
}

async fn a_broken_chain() {
    let mut events = chain(["{}", r#"{"n":1}"#, r#"{"n":2}"#]);
    events[1].data_payload = r#"{"n":9}"#.into();
    let (good, bad) = (events[0].to_json(), events[1].id);
    let data = Data::fresh(Backend::Sqlite);
    let log = Events::open(data.folder(), Durability::Process).expect("a log");
    log.restore(None, events).await.expect("a store takes what it is given");
    let system = data.serve().await;
    let Ended { code, stdout, stderr } = run(tail(system.port, &["--from-start", "--json"])).await;
    assert_eq!((code, stdout), (Some(1), good + "\n"));
    assert_eq!(
        stderr,
        format!("the chain is broken at event {bad}: currentHash is not the hash of the event\n")
    );
}

async fn the_token() {
    const TOKEN: &str = "evl_s3cret";
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let logged = log_some(&mut system.client().await, 1).await;
    // It is no harm where none is asked for.
    let mut command = tail(system.port, &["--from-start", "--json", "--limit", "1"]);
    command.env("EVENTLOG_TOKEN", TOKEN);
    assert_eq!(succeed(command).await, lines(&logged));
    // A port that nobody listens on: it was free a moment ago.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    let mut command = tail(port, &[]);
    command.env("EVENTLOG_TOKEN", TOKEN).stdout(Stdio::null());
    let mut process = command.spawn().expect("a process");
    let mut reasons = BufReader::new(process.stderr.take().expect("its stderr")).lines();
    let reason = within("a reason", reasons.next_line()).await.expect("text").expect("a reason");
    assert!(reason.contains("had no answer") && !reason.contains(TOKEN), "{reason}");
    for bad in ["evl_s3cret x", "evl_s3cret\n", "evl_s3cret\u{e9}"] {
        let mut command = tail(system.port, &[]);
        command.env("EVENTLOG_TOKEN", bad);
        let Ended { code, stdout, stderr } = run(command).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert_eq!(stderr, "error: EVENTLOG_TOKEN has characters that no token can have\n");
    }
}
