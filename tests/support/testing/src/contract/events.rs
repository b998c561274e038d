//! The contract of [`EventStore`].

use std::collections::HashSet;

use eventlog_ledger::broadcast::Alarm;
use eventlog_ledger::{Draft, Event, EventStore, Query, StoreError, new_id, verify};
use proptest::prelude::any;

use super::backend::Backend;
use super::steps::{append, numbered, run_concurrently, samples};
use crate::{check_log, draft, payload, payloads, within};

pub(super) async fn empty_log_has_no_head(database: &impl Backend) {
    let log = database.events().await;
    assert_eq!(log.head().await.expect("a head"), None);
    assert_eq!(log.event(new_id()).await.expect("a result"), None);
    assert_eq!(append(&log, &[]).await, []);
    assert_eq!(check_log(&log).await, []);
}

pub(super) async fn append_links_events_in_the_given_order(database: &impl Backend) {
    let log = database.events().await;
    let drafts = numbered(0..10);
    let mut appended = Vec::new();
    for batch in [&drafts[..1], &drafts[1..2], &drafts[2..7], &drafts[7..]] {
        let events = append(&log, batch).await;
        assert_eq!(
            log.head().await.expect("a head").map(|head| head.id),
            events.last().map(|event| event.id)
        );
        appended.extend(events);
    }
    let ids: Vec<_> = appended.iter().map(|event| event.id).collect();
    assert_eq!(ids, drafts.iter().map(|draft| draft.id).collect::<Vec<_>>());
    assert_eq!(check_log(&log).await, appended);
}

pub(super) async fn append_returns_the_stored_event_for_a_known_id(database: &impl Backend) {
    let log = database.events().await;
    let first = append(&log, &numbered(0..3)).await;
    let repeated = Draft { id: first[1].id, ..draft("another", r#"{"x":1}"#) };
    assert_eq!(append(&log, &[repeated]).await, first[1..2]);
    assert_eq!(check_log(&log).await, first);
}

pub(super) async fn append_completes_a_batch_that_was_stored_in_part(database: &impl Backend) {
    let log = database.events().await;
    let batch = numbered(0..5);
    let done = append(&log, &batch[..2]).await;
    let between = append(&log, &numbered(9..10)).await;
    let appended = append(&log, &batch).await;
    assert_eq!(appended[..2], done);
    let all: Vec<_> = [&done[..], &between, &appended[2..]].concat();
    assert_eq!(check_log(&log).await, all);
}

pub(super) async fn append_stores_an_id_once_within_a_batch(database: &impl Backend) {
    let log = database.events().await;
    let drafts = numbered(0..2);
    let twice = [drafts[0].clone(), drafts[1].clone(), drafts[0].clone()];
    let appended = append(&log, &twice).await;
    assert_eq!(appended[2], appended[0]);
    assert_eq!(check_log(&log).await, appended[..2]);
}

/// Appends drafts and checks that the log returns them unaltered.
async fn check_round_trip(log: &impl EventStore, drafts: Vec<Draft>) {
    let appended = append(log, &drafts).await;
    for (draft, event) in drafts.iter().zip(&appended) {
        let stored = log.event(draft.id).await.expect("a result").expect("the event");
        assert_eq!(stored, *event);
        assert_eq!(stored.data_payload, draft.data_payload.text());
        assert_eq!(stored.event_type, draft.event_type);
        assert_eq!(stored.source_app_id, draft.source_app_id);
    }
    let stored = check_log(log).await;
    assert_eq!(stored[stored.len() - appended.len()..], appended);
}

pub(super) async fn append_preserves_known_payloads(database: &impl Backend) {
    let drafts = payloads().into_iter().map(|payload| draft("known", payload)).collect();
    check_round_trip(&database.events().await, drafts).await;
}

pub(super) async fn append_preserves_random_payloads(database: &impl Backend) {
    let drafts = samples(payload(), 200).iter().map(|payload| draft("any", payload)).collect();
    check_round_trip(&database.events().await, drafts).await;
}

pub(super) async fn append_preserves_random_texts(database: &impl Backend) {
    let draft = |(event_type, source_app_id)| Draft { event_type, source_app_id, ..draft("any", "{}") };
    let texts = samples((any::<String>(), any::<String>()), 100);
    check_round_trip(&database.events().await, texts.into_iter().map(draft).collect()).await;
}

pub(super) async fn page_returns_a_range_of_the_log(database: &impl Backend) {
    let log = database.events().await;
    let all = append(&log, &numbered(0..10)).await;
    for from in 0..12 {
        for limit in [1, 3, 10, 1000] {
            let page = log.page(Query::from_place(from, limit, usize::MAX)).await.expect("a page");
            let expected: Vec<_> = all.iter().skip(from as usize).take(limit).cloned().collect();
            assert_eq!(page.events, expected, "from {from}, limit {limit}");
            assert_eq!(page.has_more, from as usize + limit < all.len(), "from {from}, limit {limit}");
        }
    }
    let far = Query::from_place(u64::MAX, usize::MAX, usize::MAX);
    assert_eq!(log.page(far).await.expect("a page").events, []);
}

pub(super) async fn page_ends_before_its_byte_limit(database: &impl Backend) {
    let log = database.events().await;
    let all = append(&log, &numbered(0..4)).await;
    let bytes = |events: &[Event]| events.iter().map(|event| event.json_len() + 1).sum::<usize>() + 1;
    for (max_bytes, expected) in [(bytes(&all[..2]), 2), (bytes(&all[..2]) - 1, 1), (0, 1), (usize::MAX, 4)] {
        let page = log.page(Query::from_place(0, 10, max_bytes)).await.expect("a page");
        assert_eq!(page.events, all[..expected], "{max_bytes} bytes");
        assert_eq!(page.has_more, expected < 4, "{max_bytes} bytes");
    }
}

pub(super) async fn event_is_found_by_its_id(database: &impl Backend) {
    let log = database.events().await;
    let all = append(&log, &numbered(0..3)).await;
    for event in &all {
        assert_eq!(log.event(event.id).await.expect("a result").as_ref(), Some(event));
    }
    assert_eq!(log.event(new_id()).await.expect("a result"), None);
}

pub(super) async fn concurrent_appends_form_one_chain(database: &impl Backend) {
    let logs = [database.events().await, database.events().await];
    let writers = (0..8).map(|writer| {
        let log = logs[writer % 2].clone();
        async move {
            let mut appended = Vec::new();
            for n in 0..10 {
                appended.extend(append(&log, &numbered(n..n + 1 + n % 3)).await);
            }
            appended
        }
    });
    let appended = run_concurrently(writers).await.concat();
    let stored = check_log(&logs[0]).await;
    let distinct: HashSet<_> = stored.iter().map(|event| event.id).collect();
    assert_eq!(distinct.len(), stored.len(), "no event is stored twice");
    assert_eq!(stored.len(), appended.len(), "the acknowledged events and no others");
    for event in appended {
        assert!(stored.contains(&event), "{event:?} is stored as it was acknowledged");
    }
}

pub(super) async fn cancelled_append_leaves_a_valid_chain(database: &impl Backend) {
    let log = database.events().await;
    for n in 0..20 {
        let (log, drafts) = (log.clone(), numbered(0..3));
        let append = tokio::spawn(async move { log.append(drafts).await });
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        append.abort();
        let _ = append.await;
    }
    let last = append(&log, &numbered(0..1)).await;
    let stored = check_log(&log).await;
    assert!(stored.contains(&last[0]));
}

pub(super) async fn second_process_appends_after_the_head(database: &impl Backend) {
    let first = append(&database.events().await, &numbered(0..3)).await;
    let log = database.events().await;
    assert_eq!(check_log(&log).await, first);
    let second = append(&log, &numbered(3..5)).await;
    assert_eq!(check_log(&database.events().await).await, [first, second].concat());
}

pub(super) async fn read_reports_a_corrupt_event_by_its_id(database: &impl Backend) {
    let log = database.events().await;
    let all = append(&log, &numbered(0..2)).await;
    database.damage().await;
    let page = log.page(Query::from_place(0, 10, usize::MAX)).await;
    let is_named =
        |error: &StoreError| matches!(error, StoreError::Corrupt { id, .. } if *id == Some(all[1].id));
    assert!(page.as_ref().is_err_and(is_named), "{page:?}");
    let event = log.event(all[1].id).await;
    assert!(event.as_ref().is_err_and(is_named), "{event:?}");
    let verified = verify::verify(&log, verify::Start::default(), 10).await.expect("a verdict");
    assert_eq!((verified.checked, verified.last), (1, Some(all[0].id)));
    assert_eq!(verified.invalid.and_then(|invalid| invalid.id), Some(all[1].id));
    assert_eq!(log.event(all[0].id).await.expect("a result").as_ref(), Some(&all[0]));
}

pub(super) async fn alarm_rings_for_each_appender(database: &impl Backend) {
    let (own, other) = (database.events().await, database.events().await);
    append(&own, &numbered(0..1)).await;
    let mut alarm = own.alarm().await.expect("an alarm");
    for log in [&own, &other, &own] {
        append(log, &numbered(0..1)).await;
        within("the alarm", alarm.ring()).await;
    }
}
