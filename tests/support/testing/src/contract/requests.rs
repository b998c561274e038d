//! The contract of requests with a key, and of restores.

use eventlog_ledger::{
    Draft, Event, EventStore, Head, IdempotencyKey, NewEvent, NewEvents, StoreError, Submission, Tip, now,
};

use super::backend::Backend;
use super::steps::{self, numbered, run_concurrently};
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
    Submission::keyed("principal", &key, events)
}

async fn append(log: &impl EventStore, key: &str, bodies: &[u32]) -> Vec<Event> {
    log.append(request(key, bodies)).await.expect("an append")
}

async fn is_conflict(log: &impl EventStore, key: &str, bodies: &[u32]) -> bool {
    matches!(log.append(request(key, bodies)).await, Err(StoreError::Conflict))
}

pub(super) async fn repeated_request_is_logged_once(database: &impl Backend) {
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

pub(super) async fn used_key_with_another_body_is_refused(database: &impl Backend) {
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
    all.extend(steps::append(&log, &numbered(0..70)).await);
    assert!(
        is_conflict(&database.events().await, "k", &[1, 2, 3]).await,
        "after many other events, in another process"
    );
    assert_eq!(check_log(&log).await, all);
}

/// A crash can leave a prefix of the request.
pub(super) async fn repeated_request_completes_a_stored_prefix(database: &impl Backend) {
    let log = database.events().await;
    let whole = request("k", &[1, 2, 3, 4]);
    let begun = Submission { drafts: whole.drafts[..2].to_vec(), ..whole.clone() };
    let done = log.append(begun).await.expect("an append");
    assert!(is_conflict(&log, "k", &[1, 2]).await, "the stored prefix is no complete request");
    let appended = log.append(whole).await.expect("an append");
    assert_eq!((appended.len(), &appended[..2]), (4, &done[..]));
    assert_eq!(check_log(&log).await, appended);
}

pub(super) async fn concurrent_repeats_are_logged_once(database: &impl Backend) {
    let logs = [database.events().await, database.events().await];
    let repeats = (0..20).map(|n| {
        let log = logs[n % 2].clone();
        async move { append(&log, "k", &[1, 2, 3]).await }
    });
    let replies = run_concurrently(repeats).await;
    assert_eq!(check_log(&logs[0]).await, replies[0]);
    assert!(replies.iter().all(|reply| *reply == replies[0]));
}

/// Other appends run at the same time, so that a group may contain several of the bodies.
pub(super) async fn concurrent_bodies_with_one_key_are_logged_once(database: &impl Backend) {
    let logs = [database.events().await, database.events().await];
    for round in 0..5 {
        let key = format!("k{round}");
        let before = check_log(&logs[0]).await.len();
        let requests = (0..12_u32).map(|n| {
            let (log, key) = (logs[n as usize % 2].clone(), key.clone());
            async move {
                if n % 4 == 3 {
                    return log.append(vec![draft("other", "{}")]).await.map(|_| Vec::new());
                }
                let bodies: Vec<u32> = (0..=n % 3).map(|i| i * (n % 2 + 1)).collect();
                log.append(request(&key, &bodies)).await
            }
        });
        let mut logged: Vec<Vec<Event>> = Vec::new();
        for reply in run_concurrently(requests).await {
            match reply {
                Ok(events) => logged.extend(Some(events).filter(|events| !events.is_empty())),
                Err(error) => assert!(matches!(error, StoreError::Conflict), "{error}"),
            }
        }
        let stored = check_log(&logs[0]).await;
        let stored = stored[before..].iter().filter(|event| event.event_type == "T").cloned();
        let stored: Vec<_> = stored.collect();
        assert!(logged.iter().all(|events| *events == stored), "{logged:?}, {stored:?}");
        assert!(!logged.is_empty(), "at least one request succeeded");
    }
}

async fn restore(log: &impl EventStore, events: &[Event]) -> Result<Option<Head>, StoreError> {
    let head = log.head().await.expect("a head");
    log.restore(head, events.to_vec()).await
}

pub(super) async fn restore_preserves_events(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    for part in [&exported[..1], &exported[1..4], &exported[4..]] {
        let head = restore(&log, part).await.expect("restored");
        assert_eq!(head, log.head().await.expect("a head"));
    }
    assert_eq!(check_log(&log).await, exported);
    steps::append(&log, &numbered(0..1)).await;
    assert_eq!(check_log(&log).await[..exported.len()], exported);
}

/// Returns a log of another deployment. Its first two events belong to one request.
fn exported() -> Vec<Event> {
    let mut drafts = request("k", &[1, 2]).drafts;
    drafts.extend(numbered(0..5));
    let mut tip = None;
    let link = |draft: Draft| {
        let event = draft.link(tip, now());
        tip = Some(Tip::from(&event));
        event
    };
    drafts.into_iter().map(link).collect()
}

pub(super) async fn restored_request_is_recognised_when_repeated(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    restore(&log, &exported).await.expect("restored");
    assert_eq!(append(&log, "k", &[1, 2]).await, exported[..2]);
    assert!(is_conflict(&log, "k", &[1, 3]).await);
    assert_eq!(check_log(&log).await, exported);
}

pub(super) async fn restore_is_refused_after_the_head_moved(database: &impl Backend) {
    let exported = exported();
    let log = database.events().await;
    restore(&log, &exported[..3]).await.expect("restored");
    let head = log.head().await.expect("a head");
    steps::append(&log, &numbered(0..1)).await;
    for (head, events) in [(head, &exported[3..]), (None, &exported[..]), (None, &exported[..1])] {
        let refused = log.restore(head, events.to_vec()).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    assert_eq!(check_log(&log).await.len(), 4);
}
