//! Tests of the simulation through the real driver.

mod change_streams;
mod fail_over;
mod passwords;
mod reads;
mod replication;
mod round_trip;
mod wire;
mod writes;

use std::future::Future;
use std::ops::RangeInclusive;
use std::time::Duration;

use eventlog_simulation::{Settings, Simulation};
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::{Acknowledgment, ClientOptions, FindOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, IndexModel};

fn start(settings: Settings) -> Simulation {
    Simulation::start(settings).expect("a simulation")
}

async fn client(simulation: &Simulation, retry_writes: bool) -> Client {
    let mut options = ClientOptions::parse(simulation.uri()).await.expect("options");
    options.retry_writes = Some(retry_writes);
    options.write_concern = Some(WriteConcern::majority());
    options.read_concern = Some(ReadConcern::majority());
    options.server_selection_timeout = Some(Duration::from_secs(5));
    Client::with_options(options).expect("a client")
}

/// Starts a simulation; returns it with the collection `events`.
async fn start_with_events(settings: Settings) -> (Simulation, Collection<Document>) {
    let simulation = start(settings);
    let events = events(&simulation).await;
    (simulation, events)
}

/// Returns the collection `events` through a client that repeats no write.
async fn events(simulation: &Simulation) -> Collection<Document> {
    client(simulation, false).await.database("test").collection("events")
}

fn unique_index(field: &str) -> IndexModel {
    let unique = IndexOptions::builder().unique(true).build();
    IndexModel::builder().keys(doc! { field: 1 }).options(unique).build()
}

async fn create_seq_index(events: &Collection<Document>) {
    events.create_index(unique_index("seq")).await.expect("an index");
}

/// Inserts documents with the given ids and the same `seq`.
async fn insert_numbers(events: &Collection<Document>, numbers: RangeInclusive<i32>) -> Result<(), Error> {
    events.insert_many(numbers.map(|n| doc! { "_id": n, "seq": n })).await.map(drop)
}

/// Inserts a document without waiting for a majority.
async fn insert_locally(events: &Collection<Document>, document: Document) {
    events.insert_one(document).write_concern(w1()).await.expect("inserted");
}

fn w1() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Nodes(1)).build()
}

/// Returns all ids in ascending order.
async fn ids(events: &Collection<Document>, concern: ReadConcern) -> Vec<i32> {
    let options = FindOptions::builder().read_concern(concern).sort(doc! { "_id": 1 }).build();
    let mut found = events.find(doc! {}).with_options(options).await.expect("documents");
    let mut ids = Vec::new();
    while found.advance().await.expect("a batch") {
        ids.push(found.current().get_i32("_id").expect("a number"));
    }
    ids
}

async fn majority_ids(events: &Collection<Document>) -> Vec<i32> {
    ids(events, ReadConcern::majority()).await
}

async fn local_ids(events: &Collection<Document>) -> Vec<i32> {
    ids(events, ReadConcern::local()).await
}

/// Returns the code of any kind of error.
fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
        ErrorKind::InsertMany(error) => {
            let write = error.write_errors.iter().flatten().map(|error| error.code).next();
            write.or(error.write_concern_error.as_ref().map(|error| error.code))
        }
        _ => None,
    }
}

/// Polls a condition until it is true.
async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("timed out: {what}"));
}
