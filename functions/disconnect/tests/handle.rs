//! The function as Lambda calls it.

use eventlog_disconnect::handle;
use eventlog_ledger::{Connection, ConnectionStore, Filter, now};
use eventlog_store_sqlite::Connections;
use eventlog_testing::fixture;

#[tokio::test]
async fn a_connection_is_forgotten() {
    let connections = Connections::open().expect("a store");
    for id in ["L0SM9cOFvHcCIhw=", "another="] {
        let (filter, batch) = (Filter::default(), false);
        let connection = Connection { id: id.into(), connected_at: now(), filter, batch, position: 0 };
        connections.add(connection).await.expect("added");
    }
    for _ in 0..2 {
        let request = serde_json::from_value(fixture("websocket-disconnect")).expect("a request");
        assert_eq!(handle(&connections, request).await.status_code, 200);
        let left = connections.joined(None).await.expect("a look").connections;
        assert_eq!(left.iter().map(|connection| connection.id.as_str()).collect::<Vec<_>>(), ["another="]);
    }
}
