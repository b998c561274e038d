use std::time::Duration;

use eventlog_simulation::{Keep, Settings};
use futures_util::StreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType};
use mongodb::error::ErrorKind;

use crate::{events, majority_ids, one, start, until};

async fn next(stream: &mut ChangeStream<ChangeStreamEvent<Document>>) -> Document {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time");
    let event = next.expect("an event").expect("a good one");
    assert_eq!(event.operation_type, OperationType::Insert);
    event.full_document.expect("a document")
}

async fn insert(events: &Collection<Document>, ids: std::ops::RangeInclusive<i32>) {
    events.insert_many(ids.map(|n| doc! { "_id": n })).await.expect("inserted");
}

#[tokio::test]
async fn inserts_into_this_collection_are_seen() {
    let simulation = start(Settings::default());
    let events = events(&simulation).await;
    insert(&events, 1..=1).await;
    let mut stream = events.watch().await.expect("a stream");
    insert(&events.clone_with_type(), 2..=3).await;
    simulation_other(&events).await;
    events.update_one(doc! { "_id": 2 }, doc! { "$set": { "x": 1 } }).await.expect("updated");
    insert(&events, 4..=4).await;
    for n in 2..=4 {
        assert_eq!(next(&mut stream).await, doc! { "_id": n });
    }
}

async fn simulation_other(events: &Collection<Document>) {
    let other = events.client().database("test").collection::<Document>("other");
    other.insert_one(doc! { "_id": 0 }).await.expect("inserted");
}

#[tokio::test]
async fn stages_are_applied() {
    let simulation = start(Settings::default());
    let events = events(&simulation).await;
    let pipeline =
        [doc! { "$match": { "fullDocument._id": { "$gte": 2 } } }, doc! { "$project": { "_id": 1 } }];
    let mut stream = events.watch().pipeline(pipeline).await.expect("a stream").with_type::<Document>();
    insert(&events, 1..=2).await;
    let event = stream.next().await.expect("an event").expect("a good one");
    assert_eq!(event.keys().collect::<Vec<_>>(), ["_id"]);
    assert!(stream.next_if_any().await.expect("an answer").is_none(), "the first did not match");
}

#[tokio::test]
async fn an_insert_is_seen_when_majority_reads_see_it() {
    let (majority_delay, read_lag) = (Duration::from_millis(30), Duration::from_millis(30));
    let simulation = start(Settings { majority_delay, read_lag, ..Settings::default() });
    let events = events(&simulation).await;
    let mut stream = events.watch().await.expect("a stream");
    events.insert_one(doc! { "_id": 1 }).write_concern(one()).await.expect("inserted");
    assert_eq!(majority_ids(&events).await, [0; 0]);
    next(&mut stream).await;
    assert_eq!(majority_ids(&events).await, [1]);
}

#[tokio::test]
async fn a_stream_goes_on_after_faults_and_never_shows_what_was_rolled_back() {
    let simulation = start(Settings::default());
    let events = events(&simulation).await;
    let mut stream = events.watch().await.expect("a stream");
    insert(&events, 1..=1).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 1 });
    simulation.hold_replication().expect("held");
    events.insert_one(doc! { "_id": 2 }).write_concern(one()).await.expect("inserted");
    simulation.fail_over().expect("failed over");
    simulation.resume_replication().expect("resumed");
    until("a primary", async || events.insert_one(doc! { "_id": 3 }).await.is_ok()).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 3 });
    simulation.restart(Keep::Local).expect("restarted");
    until("a primary", async || events.insert_one(doc! { "_id": 4 }).await.is_ok()).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 4 });
}

#[tokio::test]
async fn a_server_can_have_none() {
    let simulation = start(Settings { change_streams: false, ..Settings::default() });
    let refused = events(&simulation).await.watch().await.expect_err("none");
    assert!(matches!(&*refused.kind, ErrorKind::Command(error) if error.code == 40573), "{refused}");
}
