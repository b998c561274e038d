//! The function as Lambda calls it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use eventlog_connect::handle;
use eventlog_ledger::broadcast::Wake;
use eventlog_ledger::{Connection, ConnectionStore, Event, EventStore, Filter};
use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::{draft, fixture};
use serde_json::{Value, json};
use tempfile::TempDir;

#[derive(Clone, Default)]
struct Broadcaster(Arc<AtomicUsize>);

impl Wake for Broadcaster {
    async fn wake(&self) {
        self.0.fetch_add(1, SeqCst);
    }
}

struct World {
    _folder: TempDir,
    log: Events,
    connections: Connections,
    broadcaster: Broadcaster,
}

impl World {
    /// With two events in the log.
    async fn new() -> (Self, Vec<Event>) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Events::open(folder.path(), Durability::Process).expect("a log");
        let logged = log.append(vec![draft("one", "{}"), draft("two", "{}")]).await.expect("logged");
        let (connections, broadcaster) = (Connections::open().expect("a store"), Broadcaster::default());
        (Self { _folder: folder, log, connections, broadcaster }, logged)
    }

    /// The status, and what it says.
    async fn connect(&self, parameters: &Value) -> (i64, String) {
        let mut request = fixture("websocket-connect");
        if let Some(all) = parameters.as_object().filter(|all| !all.is_empty()) {
            request["multiValueQueryStringParameters"] = parameters.clone();
            let last = |values: &Value| values.as_array().and_then(|values| values.last()).cloned();
            request["queryStringParameters"] =
                all.iter().map(|(name, values)| (name.clone(), last(values).expect("a value"))).collect();
        }
        let request = serde_json::from_value(request).expect("a request");
        let answer = handle(&self.log, &self.connections, &self.broadcaster, request).await;
        let body = answer.body.map(|body| String::from_utf8(body.to_vec()).expect("text"));
        (answer.status_code, body.unwrap_or_default())
    }

    async fn stored(&self) -> Vec<Connection> {
        self.connections.joined(None).await.expect("a look").connections
    }

    fn woken(&self) -> usize {
        self.broadcaster.0.load(SeqCst)
    }
}

#[tokio::test]
async fn a_connection_starts_behind_the_last_event() {
    let (world, _) = World::new().await;
    assert_eq!(world.connect(&json!({})).await.0, 200);
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].id.as_str(), stored[0].position), ("L0SM9cOFvHcCIhw=", 2));
    assert_eq!((&stored[0].filter, stored[0].batch), (&Filter::default(), false));
    assert_eq!(world.woken(), 0, "there is nothing to send");
}

#[tokio::test]
async fn one_that_asks_for_what_came_after_an_event_starts_there_and_wakes_the_broadcaster() {
    let (world, events) = World::new().await;
    for (after, position, woken) in [(&events[0], 1, 1), (&events[1], 2, 1)] {
        assert_eq!(world.connect(&json!({ "after": [after.id.to_string()] })).await.0, 200);
        assert_eq!((world.stored().await[0].position, world.woken()), (position, woken));
    }
}

#[tokio::test]
async fn what_a_client_wants_is_kept() {
    let (world, _) = World::new().await;
    let asked = json!({ "eventType": ["one"], "sourceAppId": ["a b\u{e9}"], "batch": ["1"] });
    assert_eq!(world.connect(&asked).await.0, 200);
    let stored = world.stored().await;
    let filter = Filter { event_type: Some("one".into()), source_app_id: Some("a b\u{e9}".into()) };
    assert_eq!((&stored[0].filter, stored[0].batch), (&filter, true));
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let (world, events) = World::new().await;
    let id = events[0].id.to_string();
    for (asked, named) in [
        (json!({ "nonsense": ["1"] }), "nonsense"),
        (json!({ "after": ["64fdc8e5a835b1c4d6c5693f"] }), "after"),
        (json!({ "after": ["x"] }), "after"),
        (json!({ "after": [""] }), "after"),
        (json!({ "after": [id, id] }), "after"),
        (json!({ "eventType": [""] }), "eventType"),
        (json!({ "eventType": ["x".repeat(257)] }), "eventType"),
        (json!({ "sourceAppId": ["a", "b"] }), "sourceAppId"),
        (json!({ "batch": ["0"] }), "batch"),
        (json!({ "batch": ["true"] }), "batch"),
    ] {
        let (status, said) = world.connect(&asked).await;
        assert!(status == 400 && said.contains(named), "{asked}: {status} {said}");
    }
    assert_eq!((world.stored().await, world.woken()), (vec![], 0));
}
