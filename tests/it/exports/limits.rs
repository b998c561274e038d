//! One chain, but of events that nobody could have logged.

use eventlog_chain::{Draft, Event, EventId, Payload, Timestamp, Tip};
use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{Ended, lines, path, run, succeed};
use crate::system::{Backend, Data, eventlog};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("what_could_not_have_been_logged_is_not_imported", what_is_imported)]
}

/// `eventType`, `sourceAppId` and `dataPayload`.
type Said = [String; 3];

fn plain() -> Said {
    ["Login", "App1", "{}"].map(String::from)
}

fn of_type(text: impl Into<String>) -> Said {
    let [_, app, payload] = plain();
    [text.into(), app, payload]
}

fn of_source(text: impl Into<String>) -> Said {
    let [event_type, _, payload] = plain();
    [event_type, text.into(), payload]
}

fn with_payload(text: impl Into<String>) -> Said {
    let [event_type, app, _] = plain();
    [event_type, app, text.into()]
}

fn nested(depth: usize) -> Said {
    let arrays = depth - 1;
    with_payload(format!(r#"{{"a":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays)))
}

/// An event of so many bytes, if it is not the first.
fn long(bytes: usize) -> Said {
    let frame = chain(&[plain(), with_payload(r#"{"p":""}"#)])[1].to_json().len();
    with_payload(format!(r#"{{"p":"{}"}}"#, "x".repeat(bytes - frame)))
}

fn chain(said: &[Said]) -> Vec<Event> {
    let mut tip = None;
    let link = |(n, [event_type, source_app_id, payload]): (u8, &Said)| {
        let draft = Draft {
            id: EventId([n; 12]),
            event_type: event_type.clone(),
            source_app_id: source_app_id.clone(),
            data_payload: Payload::parse(payload, usize::MAX).expect("a payload"),
        };
        let event = draft.link(tip, Timestamp::from_millis(1_732_264_325_391).expect("a time"));
        tip = Some(Tip::from(&event));
        event
    };
    (0..).zip(said).map(link).collect()
}

async fn what_is_imported() {
    const MAX_EVENT: usize = 120 * 1024;
    let wide = |count| "é".repeat(count);
    let at_the_limits = [
        of_type(wide(256)),
        of_source(wide(256)),
        nested(64),
        long(MAX_EVENT),
        of_type("eventlog.checkpoint"),
        of_type(" x "),
    ];
    let data = Data::fresh(Backend::Sqlite);
    let file = data.folder().join("log.ndjson");
    let good = lines(&chain(&at_the_limits));
    std::fs::write(&file, &good).expect("written");
    succeed(data.command(&["import", path(&file)])).await;
    assert_eq!(succeed(data.command(&["export"])).await, good);

    for (said, reason) in [
        (of_type(wide(257)), r#"at most 256 characters (at "/eventType")"#),
        (of_type(""), r#"blank (at "/eventType")"#),
        (of_source(wide(257)), r#"at most 256 characters (at "/sourceAppId")"#),
        (of_source("\u{2003}\n"), r#"blank (at "/sourceAppId")"#),
        (nested(65), "nested more than 64 deep"),
        (with_payload("[1]"), r#"a JSON object (at "/dataPayload")"#),
        (with_payload("null"), r#"a JSON object (at "/dataPayload")"#),
        (long(MAX_EVENT + 1), "longer than any event"),
    ] {
        refuses(&[plain(), plain(), said, plain()], 3, reason).await;
    }
    // A line that is short enough, of an event that is not: a client's is measured as if it were not the first.
    refuses(&[long(MAX_EVENT + 1), plain()], 1, "122881 bytes of JSON; 122880 are allowed").await;
}

/// What is before the line is imported, and no more.
async fn refuses(said: &[Said], line: usize, reason: &str) {
    let data = Data::fresh(Backend::Sqlite);
    let file = data.folder().join("log.ndjson");
    let events = chain(said);
    std::fs::write(&file, lines(&events)).expect("written");
    let Ended { code, stderr, .. } = run(data.command(&["import", path(&file)])).await;
    assert_eq!(code, Some(1), "{reason}: {stderr}");
    let place = format!("refused from line {line}");
    assert!(stderr.contains(&place) && stderr.contains(reason), "{reason}: {stderr}");
    assert_eq!(succeed(data.command(&["export"])).await, lines(&events[..line - 1]), "{reason}");
    // It is a chain all the same.
    if !reason.contains("longer") {
        succeed(eventlog(&["verify", path(&file)])).await;
    }
}
