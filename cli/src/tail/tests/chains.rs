//! Logs that are not one unaltered chain.

use eventlog_chain::Timestamp;

use super::stub::Act;
use super::*;

fn broken(end: &End) -> &str {
    match end {
        End::No(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_that_does_not_fit_ends_it_after_those_that_do() {
    type Change = fn(&mut Event);
    let changes: [(Change, &str); 4] = [
        (|event| event.data_payload = r#"{"n":7}"#.into(), "currentHash is not the hash of the event"),
        (|event| event.data_payload = r#"{"n":7,"n":7}"#.into(), "dataPayload is not valid I-JSON"),
        (
            |event| event.previous_hash = Some(event.current_hash),
            "previousHash is not the currentHash of the event before",
        ),
        // It links, so it is no repeat.
        (
            |event| event.timestamp = Timestamp::from_millis(0).expect("a time"),
            "timestamp is before that of the event before",
        ),
    ];
    for (change, reason) in changes {
        let stub = Stub::start().await;
        let events = stub.append(4);
        stub.with(|state| change(&mut state.log[3]));
        let (taken, end) = Tail::of(&stub, Options { begin: Begin::First, ..Options::default() }).end().await;
        assert_eq!(taken, events[..3]);
        assert_eq!(broken(&end), format!("the chain is broken at event {}: {reason}", events[3].id));
    }
}

#[tokio::test]
async fn an_event_that_was_left_out_is_noticed() {
    let stub = Stub::start().await;
    let events = stub.append(3);
    stub.with(|state| {
        state.mischief = Some(Box::new(|_, at, _| if at == 1 { Act::GoTo(2) } else { Act::Deliver }));
    });
    for begin in [Begin::First, Begin::After(events[0].id)] {
        let (taken, end) = Tail::of(&stub, Options { begin, ..Options::default() }).end().await;
        assert!(taken.len() <= 1, "{taken:?}");
        assert!(broken(&end).contains(&events[2].id.to_string()), "{end:?}");
    }
}

#[tokio::test]
async fn with_a_filter_each_events_own_hash_is_checked_still() {
    let stub = Stub::start().await;
    stub.append_of("Other", 2);
    let good = stub.append(1);
    stub.append_of("Other", 2);
    let altered = stub.append(1);
    stub.with(|state| state.log[5].source_app_id = "App2".into());
    let options = Options { begin: Begin::First, event_type: Some("Tick"), ..Options::default() };
    let (taken, end) = Tail::of(&stub, options).end().await;
    assert_eq!(taken, good);
    let id = altered[0].id;
    assert_eq!(
        broken(&end),
        format!("the chain is broken at event {id}: currentHash is not the hash of the event")
    );
}

#[tokio::test]
async fn what_is_no_event_but_says_so_is_an_error() {
    let stub = Stub::start().await;
    stub.with(|state| {
        state.mischief = Some(Box::new(|_, _, _| Act::Say(r#"{"_id":"x","\u001b[2J":1}"#)));
    });
    let mut tail = Tail::of(&stub, Options { begin: Begin::First, ..Options::default() });
    stub.append(2);
    tail.take(1).await;
    let (taken, end) = tail.end().await;
    assert!(taken.is_empty());
    assert!(
        broken(&end).starts_with("the chain is broken: not an event") && !broken(&end).contains('\u{1b}')
    );
}

#[tokio::test]
async fn that_the_event_to_go_on_after_is_not_there_is_final() {
    let stub = Stub::start().await;
    let events = stub.append(2);
    let missing = "f".repeat(24).parse().expect("an _id");
    let (_, end) =
        Tail::of(&stub, Options { begin: Begin::After(missing), ..Options::default() }).end().await;
    assert_eq!(broken(&end), format!("event {missing} is not in this log (any more)"));

    // Also when the log is replaced later.
    let mut tail = Tail::of(&stub, Options { begin: Begin::After(events[0].id), ..Options::default() });
    assert_eq!(tail.take(1).await, events[1..]);
    stub.with(|state| {
        state.log.clear();
        state.refuse = Some((400, "{}"));
        state.severed = Some(1);
    });
    let (taken, end) = tail.end().await;
    assert_eq!((taken.len(), broken(&end).contains("is not in this log")), (0, true), "{end:?}");
}

#[tokio::test]
async fn an_event_that_is_missing_for_a_moment_is_not_gone() {
    let stub = Stub::start().await;
    let events = stub.append(2);
    let mut tail = Tail::of(&stub, Options { begin: Begin::After(events[0].id), ..Options::default() });
    assert_eq!(tail.take(1).await, events[1..]);
    stub.with(|state| (state.electing, state.severed) = (3, Some(1)));
    stub.until(|state| state.electing == 0).await;
    let next = stub.append(1);
    assert_eq!(tail.take(1).await, next);
    let misses = tail.reasons().iter().filter(|reason| reason.contains("is not in this log")).count();
    assert_eq!(misses, 3);
}
