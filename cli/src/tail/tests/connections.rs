//! Connections that fall silent, grow old or find nobody with time for them.

use super::stub::Act;
use super::*;

#[tokio::test]
async fn a_reconnect_asks_for_what_is_later_than_the_last_event() {
    let stub = Stub::start().await;
    let first = stub.append(1);
    stub.with(|state| {
        let cut = |number, at, _| if number == 1 && at == 3 { Act::Cut } else { Act::Deliver };
        state.mischief = Some(Box::new(cut));
    });
    let mut tail = Tail::of(&stub, Options::default());
    stub.until(|state| state.opened == 1).await;
    let mut events = stub.append(2);
    assert_eq!(tail.take(2).await, events);
    events.extend(stub.append(2));
    assert_eq!(tail.take(2).await, events[2..]);
    assert_eq!(tail.reasons().len(), 1);
    let asked = stub.with(|state| state.requests.clone());
    let targets: Vec<_> = asked.iter().map(|(target, _)| target.as_str()).collect();
    assert_eq!(
        targets,
        [
            "/chain".to_owned(),
            format!("/events/{}", first[0].id),
            format!("/?batch=1&after={}", first[0].id),
            format!("/?batch=1&after={}", events[1].id),
        ]
    );
}

#[tokio::test]
async fn a_connection_lost_before_its_first_event_loses_nothing() {
    for length in [0, 4] {
        let stub = Stub::start().await;
        stub.append(length);
        stub.with(|state| {
            let cut = |number, _, _| if number == 1 { Act::Cut } else { Act::Deliver };
            state.mischief = Some(Box::new(cut));
        });
        let mut tail = Tail::of(&stub, Options::default());
        stub.until(|state| state.requests.len() >= 2).await;
        let events = stub.append(3);
        assert_eq!(tail.take(3).await, events);
    }
}

#[tokio::test]
async fn an_idle_connection_is_pinged_and_again() {
    let stub = Stub::start().await;
    stub.append(1);
    let timing = "idle=1";
    let mut tail = Tail::of(&stub, Options { timing, ..Options::default() });
    stub.until(|state| state.heard.len() >= 3).await;
    assert!(
        stub.with(|state| state.heard.iter().all(|said| *said == (1, r#"{"action":"ping"}"#.to_owned())))
    );
    let events = stub.append(1);
    assert_eq!(tail.take(1).await, events);
    assert_eq!(tail.reasons(), [""; 0]);
}

#[tokio::test]
async fn a_peer_that_does_not_answer_a_ping_is_dead() {
    let stub = Stub::start().await;
    stub.append(1);
    stub.with(|state| state.dead = Some(1));
    let timing = "idle=1,pong=100,backoffFrom=0";
    let mut tail = Tail::of(&stub, Options { timing, ..Options::default() });
    stub.until(|state| state.opened == 1).await;
    let events = stub.append(1);
    assert_eq!(tail.take(1).await, events);
    assert_eq!(tail.reasons()[0], "the connection is dead: no answer to a ping");
}

#[tokio::test]
async fn a_connection_that_never_opens_is_given_up() {
    let stub = Stub::start().await;
    stub.append(1);
    stub.with(|state| state.is_silent = true);
    let timing = "open=100,backoffFrom=0";
    let mut tail = Tail::of(&stub, Options { timing, ..Options::default() });
    stub.until(|state| state.requests.iter().filter(|(target, _)| target.contains("batch")).count() > 1)
        .await;
    assert_eq!(tail.reasons()[0], "the WebSocket did not open in time");
    stub.with(|state| state.is_silent = false);
    let events = stub.append(1);
    assert_eq!(tail.take(1).await, events);
}

#[tokio::test]
async fn an_old_connection_is_replaced_and_that_is_no_failure() {
    let stub = Stub::start().await;
    stub.append(1);
    let mut tail = Tail::of(&stub, Options { timing: "age=1", ..Options::default() });
    stub.until(|state| state.opened >= 3).await;
    let events = stub.append(2);
    assert_eq!(tail.take(2).await, events);
    assert_eq!(tail.reasons(), [""; 0]);
}

#[tokio::test]
async fn a_slow_reader_stops_the_flow_and_misses_nothing() {
    let stub = Stub::start().await;
    let first = stub.append(1);
    let mut events = stub.append(25);
    let begin = Begin::After(first[0].id);
    let mut tail = Tail::of(&stub, Options { begin, room: 10, timing: "slow=0", ..Options::default() });
    let mut taken = tail.take(1).await;
    stub.until(|state| state.opened == 1 && state.open == 0).await;
    taken.extend(tail.take(9).await);
    taken.extend(tail.take(15).await);
    assert_eq!(taken, events);
    events.extend(stub.append(1));
    assert_eq!(tail.take(1).await, events[25..]);
    assert_eq!(tail.reasons(), [""; 0]);
}

#[tokio::test]
async fn what_is_no_event_is_passed_over() {
    let stub = Stub::start().await;
    stub.append(1);
    let others = [
        r#"{"action":"pong"}"#,
        r#"{"action":"error","message":"x"}"#,
        r#"{"message":"Internal server error","connectionId":"x","requestId":"y"}"#,
        "null",
        " 1",
        r#""x""#,
        "[]",
        "[null]",
        r#"{"_id":1}"#,
    ];
    let mut said = others.into_iter();
    stub.with(|state| {
        state.mischief = Some(Box::new(move |_, _, _| said.next().map_or(Act::Deliver, Act::Say)));
    });
    let mut tail = Tail::of(&stub, Options::default());
    stub.until(|state| state.opened == 1).await;
    let events = stub.append(1);
    assert_eq!(tail.take(1).await, events);
    assert_eq!(tail.reasons(), [""; 0]);
}

#[tokio::test]
async fn what_is_not_json_ends_the_connection_and_no_more() {
    let stub = Stub::start().await;
    stub.append(1);
    for garbage in ["{", "[{}", "[1] 2"] {
        let mut said = Some(garbage);
        let tail = Tail::of(&stub, Options::default());
        stub.until(|state| state.open == 1).await;
        stub.with(|state| {
            state.mischief = Some(Box::new(move |_, _, _| said.take().map_or(Act::Deliver, Act::Say)));
        });
        let events = stub.append(1);
        let mut tail = tail;
        assert_eq!(tail.take(1).await, events);
        assert_eq!(tail.reasons(), ["a message was not JSON"]);
        drop(tail);
        stub.until(|state| state.open == 0).await;
    }
}
