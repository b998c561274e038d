//! Linking and verifying, from outside, and the golden vectors.

use eventlog_chain::{
    Checked, Draft, Event, EventId, Hash, Malformed, Payload, Reason, Timestamp, Tip, Verifier,
};
use proptest::prelude::*;

const VECTORS: &str = include_str!("../vectors/chain.ndjson");

fn draft(n: u8, payload: &str) -> Draft {
    Draft {
        id: EventId([n; 12]),
        event_type: "Login".into(),
        source_app_id: "App1".into(),
        data_payload: Payload::parse(payload, 64).expect(payload),
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).expect("a timestamp")
}

fn chain(len: u8) -> Vec<Event> {
    let mut tip = None;
    let link = |n| {
        let event =
            draft(n, &format!(r#"{{"n": {n}, "é": [1.0, "\u0041"]}}"#)).link(tip, at(i64::from(n) * 1000));
        tip = Some(Tip::from(&event));
        event
    };
    (0..len).map(link).collect()
}

fn verify(events: &[Event]) -> Result<u64, (usize, Reason)> {
    let mut verifier = Verifier::from_start();
    for (place, event) in events.iter().enumerate() {
        verifier.check(event).map_err(|invalid| (place, invalid.reason))?;
    }
    Ok(verifier.checked())
}

#[test]
fn the_golden_vector_of_the_contract() {
    let draft = Draft {
        id: "64fdc8e5a835b1c4d6c5693f".parse().expect("id"),
        event_type: "Login".into(),
        source_app_id: "App1".into(),
        data_payload: Payload::parse(r#"{ "userId": "12345", "action": "loggedIn" }"#, 64).expect("payload"),
    };
    let event = draft.link(None, "2024-11-22T08:32:05.391Z".parse().expect("timestamp"));
    assert_eq!(event.current_hash.to_string(), "4854973128d1e444e7024a949b73fc980ae5f5e0");
    assert_eq!(
        event.to_json(),
        r#"{"_id":"64fdc8e5a835b1c4d6c5693f","eventType":"Login","sourceAppId":"App1","dataPayload":{"userId":"12345","action":"loggedIn"},"timestamp":"2024-11-22T08:32:05.391Z","previousHash":"","currentHash":"4854973128d1e444e7024a949b73fc980ae5f5e0"}"#
    );
}

#[test]
fn the_golden_vectors_are_one_chain_and_keep_their_bytes() {
    let mut verifier = Verifier::from_start();
    for line in VECTORS.lines() {
        let event = Event::from_json(line).expect(line);
        verifier.check(&event).expect(line);
        assert_eq!(event.to_json(), line);
        assert_eq!(Event::from_line(line).expect(line), event);
    }
    assert_eq!(verifier.checked(), 12);
}

#[test]
fn a_clock_that_jumps_back_does_not_turn_time_back() {
    let first = draft(1, "{}").link(None, at(5000));
    let second = draft(2, "{}").link(Some(Tip::from(&first)), at(4000));
    assert_eq!(second.timestamp, at(5000));
    assert_eq!(verify(&[first, second]), Ok(2));
}

#[test]
fn the_length_is_known_before_linking() {
    let mut draft = draft(1, r#"{ "a": "é\n" }"#);
    draft.event_type = "quoted \" 😀\n\u{1}".into();
    let len = draft.json_len();
    let tip = Tip { hash: Hash([7; 20]), timestamp: at(0) };
    let event = draft.link(Some(tip), at(1));
    assert_eq!(event.to_json().len(), len);
    for event in [event].iter().chain(&chain(2)) {
        assert_eq!(event.json_len(), event.to_json().len());
    }
}

#[test]
fn every_kind_of_tampering_is_found_where_it_is() {
    let good = chain(5);
    assert_eq!(verify(&good), Ok(5));

    let changed = |change: &dyn Fn(&mut Event)| {
        let mut events = good.clone();
        change(&mut events[2]);
        verify(&events)
    };
    let hash = Err((2, Reason::CurrentHash));
    assert_eq!(changed(&|e| e.event_type.push('x')), hash);
    assert_eq!(changed(&|e| e.source_app_id.clear()), hash);
    assert_eq!(changed(&|e| e.data_payload = e.data_payload.replace('2', "3")), hash);
    assert_eq!(changed(&|e| e.id = EventId([9; 12])), hash);
    assert_eq!(changed(&|e| e.timestamp = at(2001)), hash);
    assert_eq!(changed(&|e| e.current_hash = Hash([0; 20])), hash);
    assert_eq!(changed(&|e| e.timestamp = at(0)), Err((2, Reason::Timestamp)));
    assert_eq!(changed(&|e| e.previous_hash = None), Err((2, Reason::PreviousHash)));
    assert_eq!(changed(&|e| e.data_payload = r#"{"a":1,"a":2}"#.into()), Err((2, Reason::DataPayload)));

    let mut removed = good.clone();
    removed.remove(2);
    assert_eq!(verify(&removed), Err((2, Reason::PreviousHash)));
    let mut swapped = good.clone();
    swapped.swap(2, 3);
    assert_eq!(verify(&swapped), Err((2, Reason::PreviousHash)));
    let mut doubled = good.clone();
    doubled.insert(2, doubled[1].clone());
    assert_eq!(verify(&doubled), Err((2, Reason::PreviousHash)));
    assert_eq!(verify(&good[1..]), Err((0, Reason::PreviousHash)));
}

#[test]
fn a_part_of_a_chain_verifies_behind_a_known_event() {
    let events = chain(5);
    let mut verifier = Verifier::after(Tip::from(&events[1]));
    for event in &events[2..] {
        verifier.check(event).expect("a good event");
    }
    assert_eq!(verifier.checked(), 3);
}

#[test]
fn what_is_no_event_is_refused() {
    let good = VECTORS.lines().next().expect("a vector");
    for bad in [
        good.replace("_id", "id"),
        good.replace("\"eventType\":\"Login\",", ""),
        good.replace("64fd", "64FD"),
        good.replace(".391Z", "Z"),
        good.replace("\"previousHash\":\"\"", "\"previousHash\":null"),
        good.replace('{', "{\"extra\":1,"),
        good[1..].to_owned(),
    ] {
        assert!(Event::from_json(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_line_has_one_form() {
    let event = chain(2).remove(1);
    let line = event.to_json();
    assert_eq!(Event::from_line(&line).expect("a line"), event);
    for other in [
        line.replace(":1,", ": 1,"),
        line.replace(r#","eventType""#, r#", "eventType""#),
        line.replace("Login", r"\u004cogin"),
        format!("{line} "),
        format!("{{{},{}}}", &line[34..line.len() - 1], &line[1..33]),
    ] {
        assert_eq!(Event::from_json(&other).expect("an event").current_hash, event.current_hash, "{other}");
        assert!(matches!(Event::from_line(&other), Err(Malformed::Inexact)), "{other}");
    }
}

/// The costly half of verifying knows nothing of other events; which fault is told does not depend on who did it.
#[test]
fn hashes_are_checked_in_any_order_and_links_in_one() {
    let mut events = chain(4);
    events[2].data_payload = "{}".into();
    events[3].previous_hash = None;
    let mut checked: Vec<_> = events.iter().rev().map(Checked::of).collect();
    checked.reverse();
    let mut verifier = Verifier::from_start();
    let followed: Vec<_> =
        checked.iter().map(|it| verifier.follow(it).map_err(|invalid| invalid.reason)).collect();
    assert_eq!(followed, [Ok(()), Ok(()), Err(Reason::CurrentHash), Err(Reason::PreviousHash)]);
    assert_eq!((verifier.checked(), verifier.tip()), (2, Some(Tip::from(&events[1]))));
}

proptest! {
    /// The text comes back as it was written, but for the white space between tokens.
    #[test]
    fn a_payload_keeps_its_text(text in r#"[ \n]{0,2}\{ "[a-z \\\\/]{0,5}[a-z]" : \[ (-?[1-9]\.[0-9]{1,3}[eE]\+[0-9] , ){0,3}"a  b\\u00e9\\"" \] \}"#) {
        if let Ok(payload) = Payload::parse(&text, 64) {
            let value: serde_json::Value = serde_json::from_str(&text).expect("json");
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(payload.text()).expect("json"), value);
            let compact = Payload::parse(payload.text(), 64).expect("compact");
            prop_assert_eq!(compact.text(), payload.text());
            prop_assert!(payload.text().contains("a  b\\u00e9"));
            prop_assert!(!payload.text().contains(['\n']));
        }
    }
}
