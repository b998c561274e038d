//! What comes in by chance.

use eventlog_testing::{payload, trial};
use libtest_mimic::Trial;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::assert_well;
use crate::client::Client;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("any_event_comes_back_byte_by_byte_wherever_it_is_read", any_event_comes_back),
        trial("any_bytes_as_a_body_are_refused_or_logged", any_bytes),
        trial("any_mutation_of_a_body_is_refused_or_logged", any_mutation),
    ]
}

/// Runs `check` on this many values; a failure is shrunk.
pub(crate) fn for_any<S: Strategy>(cases: u32, strategy: S, mut check: impl AsyncFnMut(S::Value)) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let check = std::cell::RefCell::new(&mut check);
    let run = |value| {
        Handle::current().block_on((check.borrow_mut())(value));
        Ok(())
    };
    // The panic of a failed check is the report; the runner adds the smallest value that fails.
    tokio::task::block_in_place(|| TestRunner::new(config).run(&strategy, run))
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A text that is a valid `eventType` or `sourceAppId`, and its JSON.
fn text() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(any::<char>(), 1..=256).prop_map(String::from_iter);
    text.prop_filter("valid", |text| !text.trim().is_empty() && !text.starts_with("eventlog."))
}

fn body_of(event_type: &str, source_app_id: &str, payload: &str) -> String {
    let json = |text| serde_json::to_string(text).expect("JSON");
    format!(
        r#"{{"eventType":{},"sourceAppId":{},"dataPayload":{payload}}}"#,
        json(event_type),
        json(source_app_id)
    )
}

async fn any_event_comes_back() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let mut logged: Vec<String> = Vec::new();
    for_any(150, (text(), text(), payload()), async |(event_type, source_app_id, payload)| {
        let answer = client.post(body_of(&event_type, &source_app_id, &payload)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let event = answer.body.strip_prefix(r#"{"message":"Event logged successfully","event":"#);
        let event = event.and_then(|event| event.strip_suffix('}')).expect("the form of the answer");
        assert!(event.contains(&format!(r#","dataPayload":{payload},"timestamp":""#)), "{event}");
        let members = &answer.json()["event"];
        assert_eq!(members["eventType"].as_str(), Some(&*event_type));
        assert_eq!(members["sourceAppId"].as_str(), Some(&*source_app_id));
        let one = client.get(answer.header("location")).await;
        assert_eq!((one.status, &*one.body), (200, event));
        logged.push(event.to_owned());
    });
    let list = client.get("/events?limit=1000").await;
    let listed: Vec<Box<RawValue>> = serde_json::from_str(&list.body).expect("an array");
    assert_eq!(listed.iter().map(|event| event.get()).collect::<Vec<_>>(), logged);
    assert_eq!(assert_well(&system).await, logged.len() + 1);
}

/// Posts it; whether it was logged. Anything but that and a 4xx is a failure.
async fn is_logged(client: &mut Client, body: &[u8]) -> bool {
    let answer = client.post(body).await;
    assert!(answer.status == 201 || (400..500).contains(&answer.status), "{}", answer.status);
    answer.json();
    answer.status == 201
}

async fn any_bytes() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let json_like = proptest::string::string_regex(r#"[{}\[\],:"\\0-9eE.+u -]{0,60}"#).expect("a pattern");
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        any::<String>().prop_map(String::into_bytes),
        json_like.prop_map(String::into_bytes),
    ];
    for_any(300, bytes, async |bytes| assert!(!is_logged(&mut client, &bytes).await));
    assert_eq!(assert_well(&system).await, 1);
}

/// One change of a text: what, where (in thousandths of it), how long, and with which byte.
type Change = (u8, usize, usize, u8);

fn changed(mut body: Vec<u8>, changes: Vec<Change>) -> Vec<u8> {
    for (what, place, length, byte) in changes {
        let start = body.len() * place / 1000;
        let end = (start + length).min(body.len());
        match what {
            0 => drop(body.drain(start..end)),
            1 => body.insert(start, byte),
            2 => body[start..end].fill(byte),
            3 => body.truncate(start),
            _ => {
                let again = body[start..end].to_vec();
                body.splice(end..end, again);
            }
        }
    }
    body
}

async fn any_mutation() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&br#"{}[],:"\ 01e.-"#[..])];
    let change = (0..5_u8, 0..1000_usize, 1..12_usize, byte);
    let changes = prop::collection::vec(change, 1..4);
    let mut logged = 0;
    for_any(400, (payload(), changes), async |(payload, changes)| {
        let body = changed(body_of("mutated", "App1", &payload).into_bytes(), changes);
        logged += usize::from(is_logged(&mut client, &body).await);
    });
    assert_eq!(assert_well(&system).await, logged + 1);
}
