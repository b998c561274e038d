use std::time::{Duration, Instant};

use eventlog_simulation::Settings;
use mongodb::bson::doc;

use crate::{events, local_ids, majority_ids, one, start, until};

#[tokio::test]
async fn a_majority_takes_its_time_and_one_member_none() {
    let majority_delay = Duration::from_millis(100);
    let simulation = start(Settings { majority_delay, ..Settings::default() });
    let events = events(&simulation).await;
    local_ids(&events).await;
    let begun = Instant::now();
    events.insert_one(doc! { "_id": 1 }).write_concern(one()).await.expect("inserted");
    assert!(begun.elapsed() < majority_delay);
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![1], vec![]));
    let begun = Instant::now();
    events.insert_one(doc! { "_id": 2 }).await.expect("inserted");
    assert!(begun.elapsed() >= majority_delay);
    assert_eq!(majority_ids(&events).await, [1, 2]);
}

#[tokio::test]
async fn majority_reads_lag_behind() {
    let read_lag = Duration::from_millis(100);
    let simulation = start(Settings { read_lag, ..Settings::default() });
    let events = events(&simulation).await;
    local_ids(&events).await;
    let begun = Instant::now();
    events.insert_one(doc! { "_id": 1 }).await.expect("inserted");
    assert!(begun.elapsed() < read_lag, "the write itself does not lag");
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![1], vec![]));
    until("the read", async || !majority_ids(&events).await.is_empty()).await;
    assert!(begun.elapsed() >= read_lag);
}

#[tokio::test]
async fn replication_can_be_held_and_done_by_hand() {
    let simulation = start(Settings::default());
    let events = events(&simulation).await;
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
async fn a_duplicate_is_reported_once_a_majority_has_what_it_met() {
    let majority_delay = Duration::from_millis(100);
    let simulation = start(Settings { majority_delay, ..Settings::default() });
    let events = events(&simulation).await;
    events.insert_one(doc! { "_id": 1 }).write_concern(one()).await.expect("inserted");
    events.insert_one(doc! { "_id": 1 }).await.expect_err("a duplicate");
    assert_eq!(majority_ids(&events).await, [1]);
}
