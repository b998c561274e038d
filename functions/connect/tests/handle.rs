//! The function as Lambda calls it.

use eventlog_connect::handle;
use eventlog_ledger::{ConnectionStore, EventStore};
use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::{draft, fixture};
use serde_json::json;

#[tokio::test]
async fn a_connection_starts_behind_the_last_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let connections = Connections::open().expect("a store");
    log.append(vec![draft("one", "{}"), draft("two", "{}")]).await.expect("logged");
    let request = serde_json::from_value(fixture("websocket-connect")).expect("a request");
    assert_eq!(handle(&log, &connections, request).await.status_code, 200);
    let stored = connections.joined(None).await.expect("a look").connections;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].id.as_str(), stored[0].position), ("L0SM9cOFvHcCIhw=", 2));
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let connections = Connections::open().expect("a store");
    let mut request = fixture("websocket-connect");
    request["queryStringParameters"] = json!({ "nonsense": "1" });
    let request = serde_json::from_value(request).expect("a request");
    assert_eq!(handle(&log, &connections, request).await.status_code, 400);
    assert_eq!(connections.joined(None).await.expect("a look").connections, []);
}
