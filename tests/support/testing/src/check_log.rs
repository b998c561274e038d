//! The check of a whole log.

use eventlog_chain::Verifier;
use eventlog_ledger::{Event, EventStore, Head, Query};

/// Reads the whole log and returns it; panics unless it is one valid chain that ends with the head.
pub async fn check_log(log: &impl EventStore) -> Vec<Event> {
    let mut events = Vec::new();
    let mut verifier = Verifier::from_start();
    loop {
        let next = Query::from_place(events.len() as u64, 1000, usize::MAX);
        let page = log.page(next).await.expect("a page").events;
        if page.is_empty() {
            break;
        }
        for event in &page {
            verifier.check(event).expect("an unbroken chain");
        }
        events.extend(page);
    }
    let head = log.head().await.expect("the head");
    let last = events.last().map(|event| Head::of(events.len() as u64 - 1, event));
    assert_eq!(head, last, "the head is the last event");
    events
}
