//! A server that is not there.

use eventlog_ledger::{Connection, ConnectionStore, EventStore, Filter, Query, StoreError, new_id, now};
use eventlog_store_mongodb::{Connections, Database, Events};
use eventlog_testing::draft;

fn is_unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> bool {
    matches!(&answer, Err(StoreError::Unavailable(reason)) if !reason.to_string().contains("hunter2"))
}

#[tokio::test]
async fn every_call_says_that_the_store_is_unavailable() {
    // Nobody listens on port 1.
    let uri = "mongodb://user:hunter2@127.0.0.1:1/?directConnection=true";
    let database = Database::open(uri).await.expect("it connects when it is used");
    let (log, connections) = (Events::new(&database), Connections::new(&database, "test"));
    let (filter, batch) = (Filter::default(), false);
    let connection = Connection { id: "a".into(), connected_at: now(), filter, batch, position: 0 };
    let (append, head, event, page, add, joined) = tokio::join!(
        log.append(vec![draft("lost", "{}")]),
        log.head(),
        log.event(new_id()),
        log.page(Query::from_place(0, 1, 1)),
        connections.add(connection),
        connections.joined(None),
    );
    assert!(is_unavailable(append) && is_unavailable(head) && is_unavailable(event) && is_unavailable(page));
    assert!(is_unavailable(add) && is_unavailable(joined));
}

#[tokio::test]
async fn a_database_says_where_it_is_without_its_password() {
    let uri = "mongodb://user:hunter2@a.example:1,b.example/log?replicaSet=r";
    let database = Database::open(uri).await.expect("it connects when it is used");
    assert_eq!(database.to_string(), "MongoDB at a.example:1,b.example:27017, database log");
}

#[tokio::test]
async fn a_malformed_connection_string_is_not_repeated() {
    for uri in [
        "",
        "hunter2",
        "mongodb://user:hunter2@",
        "mongodb+srv://user:hunter2@127.0.0.1:1",
        "mongodb://h/?w=x&y=hunter2",
    ] {
        if let Err(error) = Database::open(uri).await {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
    assert!(Database::open("mongodb://user:hunter2@").await.is_err());
}
