use std::time::{Duration, Instant};

use eventlog_simulation::{Interruption, Keep, Settings, Simulation, StateChange};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};

use crate::{client, code, events, local_ids, majority_ids, one, start, unique_seq, until};

/// Writes 4 to 6 as one batch that no majority gets, but for the first of it, and fails over.
async fn interrupt(simulation: &Simulation, events: &Collection<Document>) -> Result<(), Error> {
    local_ids(events).await;
    simulation.hold_replication().expect("held");
    let insert = tokio::spawn({
        let events = events.clone();
        async move { events.insert_many((4..=6).map(|n| doc! { "_id": n, "seq": n })).await }
    });
    until("three", async || simulation.uncommitted().expect("a number") == 3).await;
    simulation.replicate(1).expect("replicated");
    assert_eq!(simulation.fail_over().expect("failed over"), 2);
    simulation.resume_replication().expect("resumed");
    insert.await.expect("a writer").map(drop)
}

async fn three(simulation: &Simulation) -> Collection<Document> {
    let events = events(simulation).await;
    unique_seq(&events).await;
    events.insert_many((1..=3).map(|n| doc! { "_id": n, "seq": n })).await.expect("inserted");
    events
}

#[tokio::test]
async fn what_no_majority_had_is_rolled_back_and_nothing_else() {
    let simulation = start(Settings::default());
    let events = three(&simulation).await;
    let error = interrupt(&simulation, &events).await.expect_err("the connection is closed");
    assert!(matches!(*error.kind, ErrorKind::Io(_)), "{error:?}");
    until("a primary", async || events.find_one(doc! {}).await.is_ok()).await;
    assert_eq!(local_ids(&events).await, [1, 2, 3, 4]);
    assert_eq!(majority_ids(&events).await, [1, 2, 3, 4]);
    let head = events.find_one(doc! {}).sort(doc! { "seq": -1 }).await.expect("an answer");
    assert_eq!(head.expect("a head").get_i32("seq").ok(), Some(4), "the index was rolled back too");
    events.insert_one(doc! { "_id": 5, "seq": 5 }).await.expect("there is room again");
    events.insert_one(doc! { "_id": 7, "seq": 4 }).await.expect_err("still unique");
}

#[tokio::test]
async fn pending_writers_get_the_error_that_was_chosen() {
    for change in [StateChange::PrimarySteppedDown, StateChange::NotWritablePrimary] {
        for interruption in [Interruption::CommandError(change), Interruption::WriteConcernError(change)] {
            let simulation = start(Settings { interruption, ..Settings::default() });
            let events = three(&simulation).await;
            let error = interrupt(&simulation, &events).await.expect_err("a writer learns of it");
            let expected = if change == StateChange::PrimarySteppedDown { 189 } else { 10107 };
            assert_eq!(code(&error), Some(expected), "{error:?}");
            let beside =
                matches!(&*error.kind, ErrorKind::InsertMany(error) if error.write_concern_error.is_some());
            assert_eq!(beside, interruption == Interruption::WriteConcernError(change), "{error:?}");
            assert_eq!(majority_ids(&events).await, [1, 2, 3, 4]);
        }
    }
}

#[tokio::test]
async fn updates_deletes_indexes_and_drops_are_rolled_back() {
    let simulation = start(Settings::default());
    let database = client(&simulation, false).await.database("test");
    let events = three(&simulation).await;
    simulation.hold_replication().expect("held");
    let one = one();
    let change = doc! { "$set": { "seq": 30 } };
    events.update_one(doc! { "_id": 3 }, change).write_concern(one.clone()).await.expect("updated");
    events.delete_one(doc! { "_id": 2 }).write_concern(one.clone()).await.expect("deleted");
    let more = database.collection::<Document>("more");
    let index = mongodb::IndexModel::builder().keys(doc! { "x": 1 });
    let index = index.options(mongodb::options::IndexOptions::builder().unique(true).build()).build();
    more.create_index(index).write_concern(one.clone()).await.expect("an index");
    database.drop().write_concern(one.clone()).await.expect("dropped");
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![], vec![1, 2, 3]));
    assert_eq!(simulation.fail_over().expect("failed over"), 4);
    simulation.resume_replication().expect("resumed");
    until("a primary", async || events.find_one(doc! {}).await.is_ok()).await;
    assert_eq!(local_ids(&events).await, [1, 2, 3]);
    let third = events.find_one(doc! { "seq": 3 }).await.expect("an answer");
    assert_eq!(third, Some(doc! { "_id": 3, "seq": 3 }));
    events.insert_one(doc! { "_id": 9, "seq": 2 }).await.expect_err("the index is there again");
    more.insert_many([doc! { "x": 1 }, doc! { "x": 1 }]).await.expect("and this one is not");
}

#[tokio::test]
async fn a_retryable_write_is_done_once_across_a_fail_over() {
    for interruption in
        [Interruption::Disconnect, Interruption::WriteConcernError(StateChange::PrimarySteppedDown)]
    {
        let election = Duration::from_millis(200);
        let simulation = start(Settings { interruption, election, ..Settings::default() });
        three(&simulation).await;
        let events: Collection<Document> =
            client(&simulation, true).await.database("test").collection("events");
        simulation.reset_counts();
        interrupt(&simulation, &events).await.expect("the driver sends it again, to the next primary");
        assert_eq!(majority_ids(&events).await, [1, 2, 3, 4, 5, 6]);
        assert!(simulation.count("insert") >= 2, "{:?}", simulation.counts());
    }
}

#[tokio::test]
async fn there_is_no_primary_until_one_is_elected() {
    let election = Duration::from_millis(300);
    for interruption in
        [Interruption::Disconnect, Interruption::CommandError(StateChange::PrimarySteppedDown)]
    {
        let simulation = start(Settings { election, interruption, ..Settings::default() });
        let events = three(&simulation).await;
        let begun = Instant::now();
        simulation.fail_over().expect("failed over");
        let direct =
            format!("mongodb://127.0.0.1:{}/?directConnection=true&retryWrites=false", simulation.port());
        let direct = mongodb::Client::with_uri_str(direct).await.expect("a client");
        let direct = direct.database("test").collection::<Document>("events");
        let error = direct.insert_one(doc! { "_id": 4, "seq": 4 }).await.expect_err("no primary");
        assert_eq!(code(&error), Some(10107), "{error:?}");
        until("a primary", async || events.insert_one(doc! { "_id": 4, "seq": 4 }).await.is_ok()).await;
        assert!(begun.elapsed() >= election);
        assert_eq!(majority_ids(&events).await, [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn a_restart_keeps_what_it_is_told_to() {
    for (keep, expected) in [(Keep::Local, vec![1, 2, 3, 4]), (Keep::MajorityCommitted, vec![1, 2, 3])] {
        let simulation = start(Settings::default());
        let events = three(&simulation).await;
        simulation.hold_replication().expect("held");
        events.insert_one(doc! { "_id": 4, "seq": 4 }).write_concern(one()).await.expect("inserted");
        simulation.restart(keep).expect("restarted");
        simulation.resume_replication().expect("resumed");
        until("a primary", async || events.find_one(doc! {}).await.is_ok()).await;
        assert_eq!(local_ids(&events).await, expected);
        assert_eq!(majority_ids(&events).await, expected);
    }
}
