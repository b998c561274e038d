//! Exports that somebody has changed: the line and what is wrong with it.

use std::process::Stdio;

use eventlog_chain::{Event, EventId};
use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::{Ended, chain, large_chain, lines, path, run, succeed};
use crate::system::{Backend, Data, eventlog};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("every_kind_of_tampering_is_named_with_its_line", every_kind),
        trial("what_verifies_may_end_in_a_blank_line", what_verifies),
        trial("an_export_is_verified_from_standard_input", from_standard_input),
        trial("what_cannot_be_done_is_status_2", what_cannot_be_done),
        trial("an_interrupted_command_says_so", interrupted),
    ]
}

fn events() -> Vec<Event> {
    chain(["{}", r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3,"m":[1.5]}"#, r#"{"n":4}"#])
}

/// Each is what was done to a good export of five events, the line that is the first to be wrong, and why.
fn changed_exports() -> Vec<(&'static str, String, u64, &'static str)> {
    const HASH: &str = "currentHash is not the hash of the event";
    const LINK: &str = "previousHash is not the currentHash of the event before";
    let events = events();
    let good = lines(&events);
    let of_third = |change: &dyn Fn(&mut Event)| {
        let mut events = events.clone();
        change(&mut events[2]);
        lines(&events)
    };
    let third = events[2].to_json();
    let third_is = |line: &str| good.replace(&third, line);
    let mut swapped = events.clone();
    swapped.swap(2, 3);
    let mut removed = events.clone();
    removed.remove(2);
    let doubled = [&events[..3], &events[2..]].concat();
    let cut = |bytes: usize| good[..good.len() - bytes].to_owned();
    vec![
        ("currentHash", of_third(&|event| event.current_hash.0[0] ^= 1), 3, HASH),
        ("_id", of_third(&|event| event.id = EventId([9; 12])), 3, HASH),
        ("eventType", of_third(&|event| event.event_type.push('x')), 3, HASH),
        ("payload", of_third(&|event| event.data_payload = r#"{"n":9}"#.into()), 3, HASH),
        ("later", of_third(&|event| event.timestamp = events[4].timestamp), 3, HASH),
        ("previousHash", of_third(&|event| event.previous_hash = None), 3, LINK),
        (
            "earlier",
            of_third(&|event| event.timestamp = events[0].timestamp),
            3,
            "timestamp is before that of the event before",
        ),
        (
            "a name twice",
            of_third(&|event| event.data_payload = r#"{"n":2,"n":2}"#.into()),
            3,
            "dataPayload is not valid I-JSON",
        ),
        ("swapped", lines(&swapped), 3, LINK),
        ("removed", lines(&removed), 3, LINK),
        ("doubled", lines(&doubled), 4, LINK),
        ("without its first", lines(&events[1..]), 1, LINK),
        ("no JSON", third_is("what"), 3, "not an event: expected value at column 1"),
        ("no member", third_is("{}"), 3, "not an event: missing field `_id` at column 2"),
        (
            "a broken brace",
            third_is(&third.replace(r#"{"n":2}"#, r#"{"n":2"#)),
            3,
            "dataPayload is not valid I-JSON",
        ),
        (
            "white space",
            third_is(&third.replace(r#":2}"#, r#": 2}"#)),
            3,
            "not the exact JSON of the event: other order, white space or escapes",
        ),
        (
            "order",
            third_is(&reordered(&third)),
            3,
            "not the exact JSON of the event: other order, white space or escapes",
        ),
        ("blank", third_is(""), 3, "the line is blank"),
        ("two blank", format!("{good}\n\n"), 6, "the line is blank"),
        (
            "CR LF",
            good.replace('\n', "\r\n"),
            1,
            "the line ends in CR LF; the lines of an export end in LF alone",
        ),
        ("cut off", cut(10), 5, "the line is cut off: the file ends in the middle of it"),
        (
            "cut off early",
            cut(lines(&events[4..]).len() - 1),
            5,
            "the line is cut off: the file ends in the middle of it",
        ),
        (
            "too long",
            third_is(&"x".repeat(3 << 20)),
            3,
            "the line is longer than any event, which has at most 122880 bytes",
        ),
    ]
}

/// The same members, the first of them last.
fn reordered(line: &str) -> String {
    let (id, rest) = line[1..line.len() - 1].split_once(',').expect("members");
    format!("{{{rest},{id}}}")
}

async fn every_kind() {
    for (what, text, line, reason) in changed_exports() {
        let data = Data::fresh(Backend::Sqlite);
        let file = data.folder().join("changed.ndjson");
        std::fs::write(&file, &text).expect("written");
        let Ended { code, stdout, stderr } = run(eventlog(&["verify", path(&file)])).await;
        let place = format!("broken at line {line}");
        assert_eq!(code, Some(1), "{what}: {stderr}");
        assert!(
            stdout.starts_with(&place) && stdout.contains(&format!(": {reason}. What is before it")),
            "{what}: {stdout}"
        );
        assert_eq!(stdout.lines().count(), 1, "{what}: {stdout}");

        let Ended { code, stdout, .. } = run(eventlog(&["verify", path(&file), "--json"])).await;
        let said: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
        let first = &said["firstInvalid"];
        assert_eq!(
            (code, &said["valid"], &said["checked"]),
            (Some(1), &false.into(), &(line - 1).into()),
            "{what}"
        );
        assert_eq!((&first["line"], first["reason"].as_str()), (&line.into(), Some(reason)), "{what}");

        let Ended { code, stderr, .. } = run(data.command(&["import", path(&file)])).await;
        assert_eq!(code, Some(1), "{what}: {stderr}");
        assert!(
            stderr.contains(&format!("refused from line {line}")) && stderr.contains(reason),
            "{what}: {stderr}"
        );
        let imported = succeed(data.command(&["export"])).await;
        assert_eq!(
            imported,
            lines(&events()[..line as usize - 1].to_vec()[..]),
            "{what}: what is good and no more"
        );
    }
}

async fn what_verifies() {
    let good = lines(&events());
    let hash = events()[4].current_hash;
    let without_end = good.trim_end().to_owned();
    for text in [good.clone(), format!("{good}\n"), without_end] {
        let data = Data::fresh(Backend::Sqlite);
        let file = data.folder().join("good.ndjson");
        std::fs::write(&file, &text).expect("written");
        let said = succeed(eventlog(&["verify", path(&file)])).await;
        assert_eq!(said, format!("valid: 5 events, one chain, ends in {hash}\n"));
        succeed(data.command(&["import", path(&file)])).await;
        assert_eq!(succeed(data.command(&["export"])).await, good);
    }
}

async fn from_standard_input() {
    for (text, code) in [(lines(&events()), 0), (lines(&events()[1..]), 1), (String::new(), 1)] {
        let mut command = eventlog(&["verify", "-"]);
        let mut process = command.stdin(Stdio::piped()).spawn().expect("a process");
        let mut stdin = process.stdin.take().expect("its stdin");
        stdin.write_all(text.as_bytes()).await.expect("written");
        drop(stdin);
        let output = within("the end", process.wait_with_output()).await.expect("its end");
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// What could not be looked at is not broken.
async fn what_cannot_be_done() {
    let data = Data::fresh(Backend::Sqlite);
    let nowhere = data.folder().join("nowhere");
    let uri = "mongodb://user:hunter2@127.0.0.1:1/?directConnection=true&serverSelectionTimeoutMS=1";
    for arguments in [
        &["verify", path(&nowhere)][..],
        &["verify", path(data.folder())],
        &["verify", "--data", path(&nowhere)],
        &["verify", "--mongodb-uri", uri],
        &["export", "--data", path(&nowhere)],
        &["export", "--mongodb-uri", "what"],
        &["import", path(&nowhere), "--data", path(&nowhere)],
    ] {
        let Ended { code, stdout, stderr } = run(eventlog(arguments)).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{arguments:?}: {stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }
    assert!(!nowhere.exists(), "a log that is to be read is not made");
}

async fn interrupted() {
    let data = Data::fresh(Backend::Sqlite);
    let text = lines(&large_chain());
    let file = data.folder().join("log.ndjson");
    std::fs::write(&file, &text).expect("written");
    succeed(data.command(&["import", path(&file)])).await;
    // Nobody reads on, and so it cannot end.
    let mut export = data.command(&["export"]).spawn().expect("a process");
    let mut stdout = export.stdout.take().expect("its stdout");
    within("the first byte", stdout.read_u8()).await.expect("a byte");
    let pid = export.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status().await.expect("kill");
    assert!(sent.success());
    let output = within("the end", export.wait_with_output()).await.expect("its end");
    drop(stdout);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error: interrupted\n");
}
