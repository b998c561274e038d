//! Cut off, sent back and repeated to at random: nothing is missed, nothing comes twice.

use std::sync::{Arc, Mutex};

use eventlog_testing::Random;

use super::stub::Act;
use super::*;

const EVENTS: usize = 2000;

async fn storm(seed: u64, options: Options) {
    let stub = Stub::start().await;
    let mut random = Random::new(seed);
    let (mut dice, cuts) = (random.another(), Arc::new(Mutex::new((0, 0))));
    let counted = cuts.clone();
    let mischief = move |_, at: usize, first: usize| {
        let mut counts = counted.lock().expect("counts");
        match dice.below(100) {
            0..10 => {
                counts.0 += 1;
                Act::Cut
            }
            // As after a crash of the broadcaster: no further back than where the connection began.
            10..30 if at > first => {
                counts.1 += 1;
                Act::GoTo(first.max(at.saturating_sub(1 + dice.below(60) as usize)))
            }
            _ => Act::Deliver,
        }
    };
    stub.with(|state| state.mischief = Some(Box::new(mischief)));
    let before = if let Begin::First = options.begin { 0 } else { 3 };
    stub.append(before);
    let event_type = options.event_type;
    let mut tail = Tail::of(&stub, options);
    // It begins where the log ends when it asks.
    stub.until(|state| !state.requests.is_empty()).await;
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while taken.last().is_none_or(|event: &Event| event.data_payload != r#"{"n":2000}"#) {
            taken.extend(tail.take(1).await);
        }
        taken
    });
    let mut length = before;
    while length < EVENTS {
        let count = (1 + random.below(20) as usize).min(EVENTS - length);
        stub.append_of(if random.below(2) == 0 { "Odd one" } else { "Even one" }, count);
        length += count;
        tokio::task::yield_now().await;
    }
    stub.append_of("Odd one", 1);
    let taken = taking.await.expect("all events");
    let mut expected = stub.with(|state| state.log[before..].to_vec());
    expected.retain(|event| event_type.is_none_or(|wanted| wanted == event.event_type));
    let first = taken.iter().zip(&expected).find(|(taken, expected)| taken != expected);
    assert_eq!((first, taken.len()), (None, expected.len()));
    let (cuts, repeats) = *cuts.lock().expect("counts");
    assert!(cuts > 5 && repeats > 5, "{cuts} cuts, {repeats} repeats");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_events() {
    for seed in [1, 2] {
        storm(seed, Options::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first() {
    for seed in [3, 4] {
        storm(seed, Options { begin: Begin::First, ..Options::default() }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_type() {
    for seed in [5, 6] {
        storm(seed, Options { event_type: Some("Odd one"), ..Options::default() }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_little_room() {
    for (seed, timing) in [(7, "backoffFrom=0,empty=0"), (8, "backoffFrom=0,empty=0,slow=0")] {
        storm(seed, Options { room: 5, timing, ..Options::default() }).await;
    }
}

/// Every connection is replaced as soon as it is open.
#[tokio::test(flavor = "multi_thread")]
async fn on_short_lived_connections() {
    storm(9, Options { timing: "backoffFrom=0,empty=0,age=1", ..Options::default() }).await;
}
