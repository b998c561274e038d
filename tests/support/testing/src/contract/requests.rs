//! Requests that are repeated, and events that are restored.

use eventlog_ledger::{
    Draft, Event, EventStore, Head, IdempotencyKey, NewEvent, NewEvents, StoreError, Submission, Tip, now,
};

use super::Backend;
use crate::{check_log, draft};

fn request(key: &str, bodies: &[u32]) -> Submission {
    keyed(key, NewEvents::Many(bodies.iter().map(|n| event(*n)).collect()))
}

fn event(n: u32) -> NewEvent {
    let text = format!(r#"{{"eventType":"T","sourceAppId":"A","dataPayload":{{"n":{n}}}}}"#);
    NewEvent::parse(&text).expect("an event")
}

fn keyed(key: &str, events: NewEvents) -> Submission {
    let key = IdempotencyKey::parse(key.as_bytes()).expect("a key");
    Submission::keyed("somebody", &key, events)
}

async fn append(log: &impl EventStore, key: &str, bodies: &[u32]) -> Vec<Event> {
    log.append(request(key, bodies)).await.expect("an append")
}

async fn is_conflict(log: &impl EventStore, key: &str, bodies: &[u32]) -> bool {
    matches!(log.append(request(key, bodies)).await, Err(StoreError::Conflict))
}

pub(super) async fn a_repeated_request_is_logged_once(database: &impl Backend) {
    let log = database.events().await;
    let first = append(&log, "one", &[1]).await;
    let second = append(&log, "two", &[1, 2, 3]).await;
    let other = database.events().await;
    for log in [&log, &other] {
        assert_eq!(append(log, "one", &[1]).await, first);
        assert_eq!(append(log, "two", &[1, 2, 3]).await, second);
    }
    assert_eq!(check_log(&log).await, [first, second].concat());
}

pub(super) async fn another_body_is_a_conflict_and_logs_nothing(database: &impl Backend) {
    let log = database.events().await;
    let mut all = append(&log, "k", &[1, 2]).await;
    for bodies in [&[2, 1][..], &[1], &[1, 2, 3], &[1, 3], &[3, 2], &[9]] {
        assert!(is_conflict(&log, "k", bodies).await, "{bodies:?}");
    }
    let alone = || keyed("alone", NewEvents::One(event(1)));
    let first = log.append(alone()).await.expect("an append");
    assert!(is_conflict(&log, "alone", &[1]).await, "the same event, in an array");
    assert_eq!(log.append(alone()).await.expect("an append"), first);
    all.extend(first);
    let between: Vec<_> = (0..70).map(|n| draft("between", &format!(r#"{{"n":{n}}}"#))).collect();
    all.extend(log.append(between).await.expect("an append"));
    assert!(is_conflict(&database.events().await, "k", &[1, 2, 3]).await, "long ago, in another process");
    assert_eq!(check_log(&log).await, all);
}

/// What a crash leaves behind: a prefix, with what is stored beside it.
pub(super) async fn a_request_that_was_half_done_is_completed(database: &impl Backend) {
    let log = database.events().await;
    let whole = request("k", &[1, 2, 3, 4]);
    let begun = Submission { drafts: whole.drafts[..2].to_vec(), ..whole.clone() };
    let done = log.append(begun).await.expect("an append");
    assert!(is_conflict(&log, "k", &[1, 2]).await, "it was the beginning of a longer one");
    let answered = log.append(whole).await.expect("an append");
    assert_eq!((answered.len(), &answered[..2]), (4, &done[..]));
    assert_eq!(check_log(&log).await, answered);
}

pub(super) async fn many_at_once_are_one(database: &impl Backend) {
    let logs = [database.events().await, database.events().await];
    let repeats = (0..20).map(|n| {
        let log = logs[n % 2].clone();
        tokio::spawn(async move { append(&log, "k", &[1, 2, 3]).await })
    });
    let mut answers = Vec::new();
    for repeat in repeats.collect::<Vec<_>>() {
        answers.push(repeat.await.expect("an answer"));
    }
    assert_eq!(check_log(&logs[0]).await, answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

/// Different bodies with one key at once, and others who link for all.
pub(super) async fn of_rivals_one_is_logged(database: &impl Backend) {
    let logs = [database.events().await, database.events().await];
    for round in 0..5 {
        let key = format!("k{round}");
        let before = check_log(&logs[0]).await.len();
        let rivals = (0..12_u32).map(|n| {
            let (log, key) = (logs[n as usize % 2].clone(), key.clone());
            tokio::spawn(async move {
                if n % 4 == 3 {
                    return log.append(vec![draft("bystander", "{}")]).await.map(|_| Vec::new());
                }
                let bodies: Vec<u32> = (0..=n % 3).map(|i| i * (n % 2 + 1)).collect();
                log.append(request(&key, &bodies)).await
            })
        });
        let mut logged: Vec<Vec<Event>> = Vec::new();
        for rival in rivals.collect::<Vec<_>>() {
            match rival.await.expect("an answer") {
                Ok(events) => logged.extend(Some(events).filter(|events| !events.is_empty())),
                Err(error) => assert!(matches!(error, StoreError::Conflict), "{error}"),
            }
        }
        let stored = check_log(&logs[0]).await;
        let stored = stored[before..].iter().filter(|event| event.event_type == "T").cloned();
        let stored: Vec<_> = stored.collect();
        assert!(logged.iter().all(|events| *events == stored), "{logged:?}, {stored:?}");
        assert!(!logged.is_empty(), "one of them got through");
    }
}

async fn restore(log: &impl EventStore, events: &[Event]) -> Result<Option<Head>, StoreError> {
    let head = log.head().await.expect("a head");
    log.restore(head, events.to_vec()).await
}

pub(super) async fn what_is_restored_stands_as_it_was(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    for part in [&exported[..1], &exported[1..4], &exported[4..]] {
        let head = restore(&log, part).await.expect("restored");
        assert_eq!(head, log.head().await.expect("a head"));
    }
    assert_eq!(check_log(&log).await, exported);
    log.append(vec![draft("next", "{}")]).await.expect("an append");
    assert_eq!(check_log(&log).await[..exported.len()], exported);
}

/// A log made elsewhere; its first two events are those of a request.
fn exported() -> Vec<Event> {
    let mut drafts = request("k", &[1, 2]).drafts;
    drafts.extend((0..5).map(|n| draft("any", &format!(r#"{{"n":{n}}}"#))));
    let mut tip = None;
    let link = |draft: Draft| {
        let event = draft.link(tip, now());
        tip = Some(Tip::from(&event));
        event
    };
    drafts.into_iter().map(link).collect()
}

pub(super) async fn restored_events_are_recognised_by_their_content(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    restore(&log, &exported).await.expect("restored");
    assert_eq!(append(&log, "k", &[1, 2]).await, exported[..2]);
    assert!(is_conflict(&log, "k", &[1, 3]).await);
    assert_eq!(check_log(&log).await, exported);
}

pub(super) async fn only_the_end_of_the_log_can_be_restored(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    restore(&log, &exported[..3]).await.expect("restored");
    let head = log.head().await.expect("a head");
    log.append(vec![draft("other", "{}")]).await.expect("an append");
    for (head, events) in [(head, &exported[3..]), (None, &exported[..]), (None, &exported[..1])] {
        let refused = log.restore(head, events.to_vec()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(check_log(&log).await.len(), 4);
}
