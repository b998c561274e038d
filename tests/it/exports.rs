//! `eventlog verify`, `export` and `import`: what comes back is what was there.

pub(crate) mod limits;
pub(crate) mod long;
pub(crate) mod tampering;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use eventlog_chain::{Draft, Event, EventId, Payload, Timestamp, Tip};
use eventlog_ledger::EventStore;
use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::client::Socket;
use crate::system::{Backend, Data};

pub(crate) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("an_import_of_an_export_is_the_same_log"), move || round_trip(backend)),
        trial(&backend.name("an_export_goes_on_where_it_ended"), move || an_export_goes_on(backend)),
        trial(&backend.name("an_import_that_was_killed_is_completed"), move || a_killed_import(backend)),
        trial(&backend.name("another_log_is_left_as_it_is"), move || another_log(backend)),
        trial(&backend.name("a_fault_in_the_store_is_found"), move || a_fault_in_the_store(backend)),
    ]
}

/// A command that has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) async fn run(mut command: Command) -> Ended {
    let output = within("the end", command.output()).await.expect("a process");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Of a command that must do what it is asked for.
pub(crate) async fn succeed(command: Command) -> String {
    let Ended { code, stdout, stderr } = run(command).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    stdout
}

/// Some events of one chain, the n-th with the n-th of these payloads.
pub(crate) fn chain<'a>(payloads: impl IntoIterator<Item = &'a str>) -> Vec<Event> {
    let mut tip = None;
    let link = |(n, payload): (u32, _)| {
        let mut id = EventId([0; 12]);
        id.0[8..].copy_from_slice(&n.to_be_bytes());
        let draft = Draft {
            id,
            event_type: "Login \"é\"".into(),
            source_app_id: "App1".into(),
            data_payload: Payload::parse(payload, 64).expect("a payload"),
        };
        let at = Timestamp::from_millis(1_732_264_325_391 + i64::from(n)).expect("a timestamp");
        let event = draft.link(tip, at);
        tip = Some(Tip::from(&event));
        event
    };
    (0..).zip(payloads).map(link).collect()
}

pub(crate) fn lines(events: &[Event]) -> String {
    events.iter().map(|event| event.to_json() + "\n").collect()
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn written(data: &Data, name: &str, text: &str) -> PathBuf {
    let file = data.folder().join(name);
    std::fs::write(&file, text).expect("written");
    file
}

async fn round_trip(backend: Backend) {
    let first = Data::fresh(backend);
    let system = first.serve().await;
    let mut client = system.client().await;
    for payload in [r#"{ "n": 1.0, "$where": {"a.b": [1e2, "\u0041"]}, "": {} }"#, r#"{"__proto__":"é\n"}"#]
    {
        client.log("odd", payload).await;
    }
    let logged = client.check_log().await;
    drop(system);

    let text = succeed(first.command(&["export"])).await;
    assert_eq!(text, lines(&logged));
    let file = first.folder().join("log.ndjson");
    let file = path(&file);
    let said = succeed(first.command(&["export", file, "--json"])).await;
    assert_eq!(said, "{\"exported\":2,\"length\":2}\n");
    assert_eq!(std::fs::read_to_string(file).expect("an export"), text);

    let second = Data::fresh(backend);
    for (imported, there) in [(2, 0), (0, 2)] {
        let said = succeed(second.command(&["import", file, "--json"])).await;
        assert_eq!(said, format!("{{\"alreadyThere\":{there},\"imported\":{imported},\"refused\":null}}\n"));
    }
    assert_eq!(succeed(second.command(&["export", "-"])).await, text);
    let hash = logged[1].current_hash;
    let verified = succeed(second.command(&["verify"])).await;
    assert_eq!(verified, format!("valid: 2 events, one chain, ends in {hash}\n"));
    let system = second.serve().await;
    assert_eq!(system.client().await.check_log().await, logged);
    system.client().await.log("next", "{}").await;
    assert_eq!(system.client().await.check_log().await.len(), 3);
}

async fn an_export_goes_on(backend: Backend) {
    let data = Data::fresh(backend);
    let events = chain(["{}", r#"{"n":1}"#, r#"{"n":2}"#]);
    let text = lines(&events);
    let whole = written(&data, "whole.ndjson", &text);
    succeed(data.command(&["import", path(&whole)])).await;
    let file = data.folder().join("log.ndjson");
    // Cut off where it likes: nothing yet, within the first line, behind it, within the second, at the end.
    let first = text.find('\n').expect("a line") + 1;
    for torn in [0, 1, first - 1, first, first + 1, text.len() - 1, text.len()] {
        std::fs::write(&file, &text[..torn]).expect("written");
        succeed(data.command(&["export", path(&file)])).await;
        assert_eq!(std::fs::read_to_string(&file).expect("an export"), text, "cut at {torn}");
    }
    // What is no export of this log may be dear to somebody.
    let foreign = lines(&chain([r#"{"another":"log"}"#]));
    for other in [&foreign, "a note\n", "a note", "\n", &text[1..first + 5]] {
        std::fs::write(&file, other).expect("written");
        let Ended { code, stderr, .. } = run(data.command(&["export", path(&file)])).await;
        assert_eq!((code, stderr.contains("left as it is")), (Some(1), true), "{other:?}: {stderr}");
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), other);
    }
}

/// Events that are much in bytes, and fit one page of the log.
pub(crate) fn large_chain() -> Vec<Event> {
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(50_000));
    chain(vec![payload.as_str(); 60])
}

async fn a_killed_import(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut socket = Socket::open(system.port).await;
    let events = large_chain();
    let text = lines(&events);
    // The rest never comes, so it cannot end before it is killed.
    let mut import = data.command(&["import", "-"]);
    let mut import = import.stdin(Stdio::piped()).spawn().expect("a process");
    let mut stdin = import.stdin.take().expect("its stdin");
    let part = text.len() / 2;
    let feed = tokio::spawn(async move {
        let fed = stdin.write_all(&text.as_bytes()[..part]).await;
        (fed.is_ok(), stdin, text)
    });
    assert_eq!(socket.event().await, events[0], "sockets of another process hear of it");
    let (is_fed, stdin, text) = feed.await.expect("a feeder");
    import.kill().await.expect("killed");
    drop(stdin);
    assert!(is_fed);

    let half = system.client().await.check_log().await;
    assert!((1..events.len()).contains(&half.len()) && events.starts_with(&half), "{}", half.len());
    let file = written(&data, "log.ndjson", &text);
    let said = succeed(data.command(&["import", path(&file), "--json"])).await;
    let (there, imported) = (half.len(), events.len() - half.len());
    assert_eq!(said, format!("{{\"alreadyThere\":{there},\"imported\":{imported},\"refused\":null}}\n"));
    assert_eq!(system.client().await.check_log().await, events);
    for event in &events[1..] {
        assert_eq!(&socket.event().await, event);
    }
}

async fn another_log(backend: Backend) {
    let data = Data::fresh(backend);
    let events = chain(["{}", r#"{"n":1}"#, r#"{"n":2}"#]);
    let good = written(&data, "good.ndjson", &lines(&events[..2]));
    succeed(data.command(&["import", path(&good)])).await;
    let other = chain(["{}", r#"{"n":"other"}"#, r#"{"n":2}"#]);
    let other = written(&data, "other.ndjson", &lines(&other));
    let Ended { code, stdout, stderr } = run(data.command(&["import", path(&other)])).await;
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let id = events[1].id;
    assert!(
        stderr.contains(&format!(
            "refused from line 2 (_id {id}) on: the log has another event there, {id}. The log has what is before it: 1 event."
        )),
        "{stderr}"
    );
    assert_eq!(succeed(data.command(&["export"])).await, lines(&events[..2]));
    // Two lines that are one chain, with one _id.
    let mut twin = events.clone();
    twin[2] = {
        let draft = Draft {
            id: events[0].id,
            event_type: "twin".into(),
            source_app_id: "App1".into(),
            data_payload: Payload::parse("{}", 64).expect("a payload"),
        };
        draft.link(Some(Tip::from(&events[1])), events[1].timestamp)
    };
    let twin = written(&data, "twin.ndjson", &lines(&twin));
    let Ended { code, stderr, .. } = run(data.command(&["import", path(&twin)])).await;
    assert_eq!((code, stderr.contains("refused from line 3 ")), (Some(1), true), "{stderr}");
    assert_eq!(succeed(data.command(&["export"])).await, lines(&events[..2]));
}

async fn a_fault_in_the_store(backend: Backend) {
    let data = Data::fresh(backend);
    let mut events = chain(["{}", r#"{"n":1}"#, r#"{"n":2}"#]);
    events[1].data_payload = r#"{"n":9}"#.into();
    match data.mongodb_uri() {
        None => {
            let durability = eventlog_store_sqlite::Durability::Process;
            put(eventlog_store_sqlite::Events::open(data.folder(), durability).expect("a log"), &events)
                .await;
        }
        Some(uri) => {
            let database = eventlog_store_mongodb::Database::open(uri).await.expect("a database");
            put(eventlog_store_mongodb::Events::new(&database), &events).await;
        }
    }
    let Ended { code, stdout, .. } = run(data.command(&["verify"])).await;
    let id = events[1].id;
    let says = format!(
        "broken at seq 1 (_id {id}): currentHash is not the hash of the event. What is before it is good: 1 event.\n"
    );
    assert_eq!((code, stdout), (Some(1), says));
    let Ended { code, stdout, .. } = run(data.command(&["verify", "--json"])).await;
    let says = serde_json::json!({ "valid": false, "checked": 1, "firstInvalid": {
        "seq": 1, "_id": id.to_string(), "reason": "currentHash is not the hash of the event" } });
    assert_eq!((code, stdout), (Some(1), format!("{says}\n")));
}

/// A store takes what it is given.
async fn put(log: impl EventStore, events: &[Event]) {
    log.restore(None, events.to_vec()).await.expect("restored");
}
