use std::time::{Duration, Instant};

use eventlog_simulation::{Interruption, RestartState, Settings, Simulation, StateChange};
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};

use crate::{
    client, code, create_seq_index, insert_locally, insert_numbers, local_ids, majority_ids,
    start_with_events, unique_index, until, w1,
};

/// Inserts 4 to 6 as one batch of which a majority gets only the first, then fails over.
async fn interrupt_insert(simulation: &Simulation, events: &Collection<Document>) -> Result<(), Error> {
    local_ids(events).await;
    simulation.hold_replication().expect("held");
    let insert = tokio::spawn({
        let events = events.clone();
        async move { insert_numbers(&events, 4..=6).await }
    });
    until("three uncommitted inserts", async || simulation.uncommitted().expect("a number") == 3).await;
    simulation.replicate(1).expect("replicated");
    assert_eq!(simulation.fail_over().expect("failed over"), 2);
    simulation.resume_replication().expect("resumed");
    insert.await.expect("a writer")
}

/// Starts a simulation with the documents 1 to 3.
async fn start_with_three(settings: Settings) -> (Simulation, Collection<Document>) {
    let (simulation, events) = start_with_events(settings).await;
    create_seq_index(&events).await;
    insert_numbers(&events, 1..=3).await.expect("inserted");
    (simulation, events)
}

async fn wait_for_primary(events: &Collection<Document>) {
    until("a primary", async || events.find_one(doc! {}).await.is_ok()).await;
}

#[tokio::test]
async fn fail_over_rolls_back_only_writes_without_a_majority() {
    let (simulation, events) = start_with_three(Settings::default()).await;
    let error = interrupt_insert(&simulation, &events).await.expect_err("the connection is closed");
    assert!(matches!(*error.kind, ErrorKind::Io(_)), "{error:?}");
    wait_for_primary(&events).await;
    assert_eq!(local_ids(&events).await, [1, 2, 3, 4]);
    assert_eq!(majority_ids(&events).await, [1, 2, 3, 4]);
    let head = events.find_one(doc! {}).sort(doc! { "seq": -1 }).await.expect("a result");
    assert_eq!(head.expect("a head").get_i32("seq").ok(), Some(4), "the index was rolled back too");
    events.insert_one(doc! { "_id": 5, "seq": 5 }).await.expect("seq 5 is free again");
    events.insert_one(doc! { "_id": 7, "seq": 4 }).await.expect_err("seq 4 is taken");
}

#[tokio::test]
async fn pending_write_gets_the_configured_error() {
    for change in [StateChange::PrimarySteppedDown, StateChange::NotWritablePrimary] {
        for interruption in [Interruption::CommandError(change), Interruption::WriteConcernError(change)] {
            let (simulation, events) =
                start_with_three(Settings { interruption, ..Settings::default() }).await;
            let error = interrupt_insert(&simulation, &events).await.expect_err("the write fails");
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
async fn fail_over_rolls_back_updates_deletes_indexes_and_drops() {
    let (simulation, events) = start_with_three(Settings::default()).await;
    let database = events.client().database("test");
    simulation.hold_replication().expect("held");
    let update = doc! { "$set": { "seq": 30 } };
    events.update_one(doc! { "_id": 3 }, update).write_concern(w1()).await.expect("updated");
    events.delete_one(doc! { "_id": 2 }).write_concern(w1()).await.expect("deleted");
    let more = database.collection::<Document>("more");
    more.create_index(unique_index("x")).write_concern(w1()).await.expect("an index");
    database.drop().write_concern(w1()).await.expect("dropped");
    assert_eq!((local_ids(&events).await, majority_ids(&events).await), (vec![], vec![1, 2, 3]));
    assert_eq!(simulation.fail_over().expect("failed over"), 4);
    simulation.resume_replication().expect("resumed");
    wait_for_primary(&events).await;
    assert_eq!(local_ids(&events).await, [1, 2, 3]);
    let third = events.find_one(doc! { "seq": 3 }).await.expect("a result");
    assert_eq!(third, Some(doc! { "_id": 3, "seq": 3 }));
    events.insert_one(doc! { "_id": 9, "seq": 2 }).await.expect_err("the index exists again");
    more.insert_many([doc! { "x": 1 }, doc! { "x": 1 }]).await.expect("this index does not exist");
}

#[tokio::test]
async fn retryable_write_is_executed_once_across_a_fail_over() {
    for interruption in
        [Interruption::Disconnect, Interruption::WriteConcernError(StateChange::PrimarySteppedDown)]
    {
        let election = Duration::from_millis(200);
        let (simulation, _) =
            start_with_three(Settings { interruption, election, ..Settings::default() }).await;
        let events: Collection<Document> =
            client(&simulation, true).await.database("test").collection("events");
        simulation.reset_counts();
        interrupt_insert(&simulation, &events).await.expect("the driver repeats it on the next primary");
        assert_eq!(majority_ids(&events).await, [1, 2, 3, 4, 5, 6]);
        assert!(simulation.count("insert") >= 2, "{:?}", simulation.counts());
    }
}

#[tokio::test]
async fn primary_is_missing_until_the_election() {
    let election = Duration::from_millis(300);
    for interruption in
        [Interruption::Disconnect, Interruption::CommandError(StateChange::PrimarySteppedDown)]
    {
        let (simulation, events) =
            start_with_three(Settings { election, interruption, ..Settings::default() }).await;
        let start = Instant::now();
        simulation.fail_over().expect("failed over");
        let direct =
            format!("mongodb://127.0.0.1:{}/?directConnection=true&retryWrites=false", simulation.port());
        let direct = mongodb::Client::with_uri_str(direct).await.expect("a client");
        let direct = direct.database("test").collection::<Document>("events");
        let error = direct.insert_one(doc! { "_id": 4, "seq": 4 }).await.expect_err("no primary");
        assert_eq!(code(&error), Some(10107), "{error:?}");
        until("a primary", async || events.insert_one(doc! { "_id": 4, "seq": 4 }).await.is_ok()).await;
        assert!(start.elapsed() >= election);
        assert_eq!(majority_ids(&events).await, [1, 2, 3, 4]);
    }
}

#[tokio::test]
async fn restart_restores_the_requested_state() {
    for (restored, expected) in
        [(RestartState::Local, vec![1, 2, 3, 4]), (RestartState::MajorityCommitted, vec![1, 2, 3])]
    {
        let (simulation, events) = start_with_three(Settings::default()).await;
        simulation.hold_replication().expect("held");
        insert_locally(&events, doc! { "_id": 4, "seq": 4 }).await;
        simulation.restart(restored).expect("restarted");
        simulation.resume_replication().expect("resumed");
        wait_for_primary(&events).await;
        assert_eq!(local_ids(&events).await, expected);
        assert_eq!(majority_ids(&events).await, expected);
    }
}
