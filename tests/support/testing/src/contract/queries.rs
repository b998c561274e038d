//! Reading with filters, beside a reference that reads all.

use eventlog_ledger::{Draft, Event, EventStore, Filter, Order, Query, Seq, StoreError, Timestamp, new_id};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::Backend;
use crate::{check_log, draft};

const TEXTS: [&str; 4] = ["A", "B", "a", "$ne"];
const EVENTS: u64 = 60;

/// All that a query can say.
fn queries() -> impl Strategy<Value = Query> {
    let text = || proptest::option::of(proptest::sample::select(TEXTS.map(str::to_owned).to_vec()));
    let place = || prop_oneof![4 => 0..EVENTS + 3, 1 => Just(u64::MAX)];
    let order = prop_oneof![Just(Order::Ascending), Just(Order::Descending)];
    let skip = prop_oneof![3 => Just(0), 1 => 0..EVENTS];
    let max_bytes = prop_oneof![2 => Just(usize::MAX), 1 => 0..3000_usize];
    (text(), text(), place(), place(), order, skip, 1..70_usize, max_bytes).prop_map(
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

/// The whole of what a query means, on the whole log.
fn reference(log: &[Event], query: &Query) -> (Vec<(Seq, Event)>, bool) {
    let is_wanted = |(place, event): &(u64, &Event)| {
        query.places.contains(place)
            && query.filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && query.filter.source_app_id.as_ref().is_none_or(|wanted| *wanted == event.source_app_id)
    };
    let mut wanted: Vec<_> =
        (0..).zip(log).filter(is_wanted).map(|(place, event)| (place, event.clone())).collect();
    if query.order == Order::Descending {
        wanted.reverse();
    }
    wanted.drain(..wanted.len().min(query.skip as usize));
    let json = |events: &[(Seq, Event)]| {
        let all: Vec<_> = events.iter().map(|(_, event)| event.to_json()).collect();
        format!("[{}]", all.join(","))
    };
    let mut given = wanted[..wanted.len().min(query.limit)].to_vec();
    while given.len() > 1 && json(&given).len() > query.max_bytes {
        given.pop();
    }
    let has_more = given.len() < wanted.len();
    (given, has_more)
}

pub(super) async fn a_query_gives_what_it_asks_for(database: &impl Backend) {
    let log = database.events().await;
    let drafts: Vec<Draft> = (0..EVENTS as usize)
        .map(|n| Draft {
            event_type: TEXTS[n % 3].to_owned(),
            source_app_id: TEXTS[(n / 3 * 7 + n) % 4].to_owned(),
            ..draft("any", &format!(r#"{{"n":{n}}}"#))
        })
        .collect();
    log.append(drafts).await.expect("an append");
    let all = check_log(&log).await;
    let mut runner = TestRunner::default();
    for _ in 0..150 {
        let query = queries().new_tree(&mut runner).expect("a query").current();
        let page = log.page(query.clone()).await.expect("a page");
        assert_eq!(page.places.len(), page.events.len());
        let given = page.places.into_iter().zip(page.events).collect();
        assert_eq!((given, page.has_more), reference(&all, &query), "{query:?}");
    }
}

pub(super) async fn what_is_not_shown_up_to_its_end_is_no_answer(database: &impl Backend) {
    let log = database.events().await;
    log.append(vec![draft("A", "{}"), draft("B", "{}"), draft("A", "{}")]).await.expect("an append");
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
        let page = log.page(up_to(3, 10)).await.expect("all of it is there");
        assert_eq!((page.places, page.has_more), (wanted, false), "{event_type:?}");
        let lags = log.page(up_to(4, 10)).await;
        assert!(matches!(lags, Err(StoreError::Unavailable(_))), "{event_type:?}: {lags:?}");
    }
    // A page that is full says so.
    let full = Query { places: 0..9, is_known_to_end: true, ..Query::from_place(0, 2, usize::MAX) };
    assert!(log.page(full).await.expect("a page").has_more);
}

pub(super) async fn an_id_and_a_time_have_a_place(database: &impl Backend) {
    let log = database.events().await;
    let at = |millis: i64| Timestamp::from_millis(millis).expect("a time");
    assert_eq!(log.place(new_id()).await.expect("an answer"), None);
    assert_eq!(log.place_in_time(at(0)).await.expect("an answer"), None);
    for n in 0..5 {
        log.append(vec![draft("any", &format!(r#"{{"n":{n}}}"#))]).await.expect("an append");
    }
    let all = check_log(&log).await;
    for (place, event) in (0..).zip(&all) {
        assert_eq!(log.place(event.id).await.expect("an answer"), Some(place));
        let millis = event.timestamp.millis();
        for time in [at(millis - 1), at(millis), at(millis + 1)] {
            let first = all.iter().position(|event| event.timestamp >= time).map(|first| first as u64);
            assert_eq!(log.place_in_time(time).await.expect("an answer"), first);
        }
    }
    assert_eq!(log.place(new_id()).await.expect("an answer"), None);
}
