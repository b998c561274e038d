use std::time::{Duration, Instant};

use eventlog_simulation::Settings;
use mongodb::bson::doc;

use crate::{insert_locally, local_ids, majority_ids, start_with_events, until};

#[tokio::test]
async fn majority_write_waits_for_the_majority_delay() {
    let majority_delay = Duration::from_millis(100);
    let (_simulation, events) = start_with_events(Settings { majority_delay, ..Settings::default() }).await;
    local_ids(&events).await;
    let start = Instant::now();
    insert_locally(&events, doc! { "_id": 1 }).await;
    assert!(start.elapsed() < majority_delay);
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![1], vec![]));
    let start = Instant::now();
    events.insert_one(doc! { "_id": 2 }).await.expect("inserted");
    assert!(start.elapsed() >= majority_delay);
    assert_eq!(majority_ids(&events).await, [1, 2]);
}

#[tokio::test]
async fn majority_read_shows_a_write_after_the_read_lag() {
    let read_lag = Duration::from_millis(100);
    let (_simulation, events) = start_with_events(Settings { read_lag, ..Settings::default() }).await;
    local_ids(&events).await;
    let start = Instant::now();
    events.insert_one(doc! { "_id": 1 }).await.expect("inserted");
    assert!(start.elapsed() < read_lag, "the write does not wait for the read lag");
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![1], vec![]));
    until("the read", async || !majority_ids(&events).await.is_empty()).await;
    assert!(start.elapsed() >= read_lag);
}

#[tokio::test]
async fn held_replication_advances_only_by_hand() {
    let (simulation, events) = start_with_events(Settings::default()).await;
    simulation.hold_replication().expect("held");
    let insert = tokio::spawn({
        let events = events.clone();
        async move { events.insert_many((1..=3).map(|n| doc! { "_id": n })).await }
    });
    until("three", async || simulation.uncommitted().expect("a number") == 3).await;
    simulation.replicate(2).expect("replicated");
    assert_eq!(majority_ids(&events).await, [1, 2]);
    assert!(!insert.is_finished());
    simulation.resume_replication().expect("resumed");
    insert.await.expect("a writer").expect("inserted");
    assert_eq!(majority_ids(&events).await, [1, 2, 3]);
}

#[tokio::test]
async fn duplicate_error_waits_until_a_majority_has_the_original() {
    let majority_delay = Duration::from_millis(100);
    let (_simulation, events) = start_with_events(Settings { majority_delay, ..Settings::default() }).await;
    insert_locally(&events, doc! { "_id": 1 }).await;
    events.insert_one(doc! { "_id": 1 }).await.expect_err("a duplicate");
    assert_eq!(majority_ids(&events).await, [1]);
}
