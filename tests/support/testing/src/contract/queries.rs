//! The contract of queries, with a reference that filters the whole log.

use eventlog_ledger::{Draft, Event, EventStore, Filter, Order, Query, Seq, StoreError, Timestamp, new_id};
use proptest::prelude::*;

use super::backend::Backend;
use super::steps::{append, numbered, samples};
use crate::{check_log, draft};

const TEXTS: [&str; 4] = ["A", "B", "a", "$ne"];
const EVENTS: u64 = 60;

/// Returns a strategy for any query.
fn queries() -> impl Strategy<Value = Query> {
    let text = || proptest::option::of(proptest::sample::select(TEXTS.map(str::to_owned).to_vec()));
    let seq = || prop_oneof![4 => 0..EVENTS + 3, 1 => Just(u64::MAX)];
    let order = prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    let skip = prop_oneof![3 => Just(0), 1 => 0..EVENTS];
    let max_bytes = prop_oneof![2 => Just(usize::MAX), 1 => 0..3000_usize];
    (text(), text(), seq(), seq(), order, skip, 1..70_usize, max_bytes).prop_map(
        |(event_type, source_app_id, from, to, order, skip, limit, max_bytes)| Query {
            filter: Filter { event_type, source_app_id },
            places: from..to,
            is_known_to_end: false,
            order,
            skip,
            limit,
            max_bytes,
        },
    )
}

/// Returns the result of a query on the whole log.
fn reference(log: &[Event], query: &Query) -> (Vec<(Seq, Event)>, bool) {
    let matches_query = |(seq, event): &(u64, &Event)| {
        query.places.contains(seq)
            && query.filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && query.filter.source_app_id.as_ref().is_none_or(|wanted| *wanted == event.source_app_id)
    };
    let mut matching: Vec<_> =
        (0..).zip(log).filter(matches_query).map(|(seq, event)| (seq, event.clone())).collect();
    if query.order == Order::Descending {
        matching.reverse();
    }
    matching.drain(..matching.len().min(query.skip as usize));
    let json = |events: &[(Seq, Event)]| {
        let all: Vec<_> = events.iter().map(|(_, event)| event.to_json()).collect();
        format!("[{}]", all.join(","))
    };
    let mut found = matching[..matching.len().min(query.limit)].to_vec();
    while found.len() > 1 && json(&found).len() > query.max_bytes {
        found.pop();
    }
    let has_more = found.len() < matching.len();
    (found, has_more)
}

pub(super) async fn page_matches_the_reference_for_random_queries(database: &impl Backend) {
    let log = database.events().await;
    let drafts: Vec<Draft> = (0..EVENTS as usize)
        .map(|n| Draft {
            event_type: TEXTS[n % 3].to_owned(),
            source_app_id: TEXTS[(n / 3 * 7 + n) % 4].to_owned(),
            ..draft("any", &format!(r#"{{"n":{n}}}"#))
        })
        .collect();
    append(&log, &drafts).await;
    let all = check_log(&log).await;
    for query in samples(queries(), 150) {
        let page = log.page(query.clone()).await.expect("a page");
        assert_eq!(page.places.len(), page.events.len());
        let found = page.places.into_iter().zip(page.events).collect();
        assert_eq!((found, page.has_more), reference(&all, &query), "{query:?}");
    }
}

pub(super) async fn page_fails_if_the_log_ends_before_the_known_end(database: &impl Backend) {
    let log = database.events().await;
    append(&log, &[draft("A", "{}"), draft("B", "{}"), draft("A", "{}")]).await;
    for event_type in [None, Some("A"), Some("nothing")] {
        let filter = Filter { event_type: event_type.map(str::to_owned), source_app_id: None };
        let up_to = |end, limit| Query {
            filter: filter.clone(),
            places: 0..end,
            is_known_to_end: true,
            ..Query::from_place(0, limit, usize::MAX)
        };
        let wanted = match event_type {
            None => vec![0, 1, 2],
            Some("A") => vec![0, 2],
            _ => vec![],
        };
        let page = log.page(up_to(3, 10)).await.expect("the log reaches the known end");
        assert_eq!((page.places, page.has_more), (wanted, false), "{event_type:?}");
        let lagging = log.page(up_to(4, 10)).await;
        assert!(matches!(lagging, Err(StoreError::Unavailable(_))), "{event_type:?}: {lagging:?}");
    }
    // A page that its limit ends does not reach the known end.
    let full = Query { places: 0..9, is_known_to_end: true, ..Query::from_place(0, 2, usize::MAX) };
    assert!(log.page(full).await.expect("a page").has_more);
}

pub(super) async fn seq_is_found_by_id_and_by_time(database: &impl Backend) {
    let log = database.events().await;
    let at = |millis: i64| Timestamp::from_millis(millis).expect("a time");
    assert_eq!(log.place(new_id()).await.expect("a result"), None);
    assert_eq!(log.place_in_time(at(0)).await.expect("a result"), None);
    for n in 0..5 {
        append(&log, &numbered(n..n + 1)).await;
    }
    let all = check_log(&log).await;
    for (seq, event) in (0..).zip(&all) {
        assert_eq!(log.place(event.id).await.expect("a result"), Some(seq));
        let millis = event.timestamp.millis();
        for time in [at(millis - 1), at(millis), at(millis + 1)] {
            let first = all.iter().position(|event| event.timestamp >= time).map(|first| first as u64);
            assert_eq!(log.place_in_time(time).await.expect("a result"), first);
        }
    }
    assert_eq!(log.place(new_id()).await.expect("a result"), None);
}
