use std::ops::RangeInclusive;
use std::time::Duration;

use eventlog_simulation::{RestartState, Settings};
use futures_util::StreamExt;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType};
use mongodb::error::ErrorKind;

use crate::{insert_locally, majority_ids, start_with_events, until};

async fn next(stream: &mut ChangeStream<ChangeStreamEvent<Document>>) -> Document {
    let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("in time");
    let event = next.expect("an event").expect("a good one");
    assert_eq!(event.operation_type, OperationType::Insert);
    event.full_document.expect("a document")
}

async fn insert(events: &Collection<Document>, ids: RangeInclusive<i32>) {
    events.insert_many(ids.map(|n| doc! { "_id": n })).await.expect("inserted");
}

#[tokio::test]
async fn change_stream_contains_the_inserts_into_its_collection() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    insert(&events, 1..=1).await;
    let mut stream = events.watch().await.expect("a stream");
    insert(&events, 2..=3).await;
    let other = events.client().database("test").collection::<Document>("other");
    other.insert_one(doc! { "_id": 0 }).await.expect("inserted");
    events.update_one(doc! { "_id": 2 }, doc! { "$set": { "x": 1 } }).await.expect("updated");
    insert(&events, 4..=4).await;
    for n in 2..=4 {
        assert_eq!(next(&mut stream).await, doc! { "_id": n });
    }
}

#[tokio::test]
async fn change_stream_applies_its_stages() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    let pipeline =
        [doc! { "$match": { "fullDocument._id": { "$gte": 2 } } }, doc! { "$project": { "_id": 1 } }];
    let mut stream = events.watch().pipeline(pipeline).await.expect("a stream").with_type::<Document>();
    insert(&events, 1..=2).await;
    let event = stream.next().await.expect("an event").expect("a good one");
    assert_eq!(event.keys().collect::<Vec<_>>(), ["_id"]);
    assert!(stream.next_if_any().await.expect("a result").is_none(), "the first event does not match");
}

#[tokio::test]
async fn change_stream_shows_an_insert_when_majority_reads_see_it() {
    let (majority_delay, read_lag) = (Duration::from_millis(30), Duration::from_millis(30));
    let (_simulation, events) =
        start_with_events(Settings { majority_delay, read_lag, ..Settings::default() }).await;
    let mut stream = events.watch().await.expect("a stream");
    insert_locally(&events, doc! { "_id": 1 }).await;
    assert_eq!(majority_ids(&events).await, [0; 0]);
    next(&mut stream).await;
    assert_eq!(majority_ids(&events).await, [1]);
}

#[tokio::test]
async fn change_stream_resumes_after_faults_without_rolled_back_inserts() {
    let (simulation, events) = start_with_events(Settings::default()).await;
    let mut stream = events.watch().await.expect("a stream");
    insert(&events, 1..=1).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 1 });
    simulation.hold_replication().expect("held");
    insert_locally(&events, doc! { "_id": 2 }).await;
    simulation.fail_over().expect("failed over");
    simulation.resume_replication().expect("resumed");
    until("a primary", async || events.insert_one(doc! { "_id": 3 }).await.is_ok()).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 3 });
    simulation.restart(RestartState::Local).expect("restarted");
    until("a primary", async || events.insert_one(doc! { "_id": 4 }).await.is_ok()).await;
    assert_eq!(next(&mut stream).await, doc! { "_id": 4 });
}

#[tokio::test]
async fn change_stream_is_refused_by_a_server_without_support() {
    let settings = Settings { change_streams: false, ..Settings::default() };
    let (_simulation, events) = start_with_events(settings).await;
    let refused = events.watch().await.expect_err("unsupported");
    assert!(matches!(&*refused.kind, ErrorKind::Command(error) if error.code == 40573), "{refused}");
}
