//! The contract of [`ConnectionStore`].

use std::time::Duration;

use eventlog_ledger::{Connection, ConnectionStore, Timestamp, now};

use super::Backend;

const LONG: Duration = Duration::from_secs(600);

fn connection(id: &str) -> Connection {
    Connection { id: id.into(), connected_at: now(), position: 5 }
}

async fn add(store: &impl ConnectionStore, ids: &[&str]) {
    for id in ids {
        store.add(connection(id)).await.expect("added");
    }
}

async fn all(store: &impl ConnectionStore) -> Vec<(String, u64)> {
    let joined = store.joined(None).await.expect("a look");
    let mut all: Vec<_> = joined.connections.into_iter().map(|c| (c.id, c.position)).collect();
    all.sort();
    all
}

fn at_five(ids: &[&str]) -> Vec<(String, u64)> {
    ids.iter().map(|id| (id.to_string(), 5)).collect()
}

pub(super) async fn a_connection_is_there_until_it_is_removed(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["a=", "b="]).await;
    assert!(store.contains("a=").await.expect("an answer"));
    store.remove("a=").await.expect("removed");
    store.remove("a=").await.expect("removing what is not there is no error");
    assert!(!store.contains("a=").await.expect("an answer"));
    assert_eq!(all(&store).await, at_five(&["b="]));
}

pub(super) async fn a_look_gives_those_who_came_since_the_last(database: &impl Backend) {
    let store = database.connections().await;
    let nobody = store.joined(None).await.expect("a look");
    assert_eq!(nobody.connections, []);
    add(&store, &["a", "b"]).await;
    let two = store.joined(Some(nobody.mark)).await.expect("a look");
    let ids = |connections: &[Connection]| connections.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&two.connections).len(), 2);
    add(&store, &["c"]).await;
    let one = store.joined(Some(two.mark)).await.expect("a look");
    assert!(ids(&one.connections).contains(&"c".into()), "{one:?}");
    add(&store, &["a"]).await;
    assert_eq!(all(&store).await, at_five(&["a", "b", "c"]));
}

pub(super) async fn a_position_never_moves_back(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["a", "b"]).await;
    let positions = [("a".to_owned(), 9), ("b".to_owned(), 2), ("nobody".to_owned(), 7)];
    store.advance(&positions).await.expect("advanced");
    store.advance(&[]).await.expect("nothing to do");
    assert_eq!(all(&store).await, [("a".into(), 9), ("b".into(), 5)]);
}

pub(super) async fn old_connections_are_swept(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["new"]).await;
    let long_ago = Timestamp::from_millis(now().millis() - 3_600_000).expect("a time");
    let old = Connection { connected_at: long_ago, ..connection("old") };
    store.add(old).await.expect("added");
    let before = Timestamp::from_millis(now().millis() - 60_000).expect("a time");
    assert_eq!(store.sweep(before).await.expect("swept"), 1);
    assert_eq!(all(&store).await, at_five(&["new"]));
}

pub(super) async fn a_lease_has_one_owner(database: &impl Backend) {
    let store = database.connections().await;
    assert!(store.lease("one", LONG).await.expect("an answer"));
    assert!(store.lease("one", LONG).await.expect("the owner renews it"));
    assert!(!store.lease("two", LONG).await.expect("it is taken"));
    store.release("two").await.expect("it is not two's to give back");
    assert!(!store.lease("two", LONG).await.expect("it is still taken"));
    store.release("one").await.expect("given back");
    assert!(store.lease("two", LONG).await.expect("it is free"));
}

pub(super) async fn a_lease_lapses(database: &impl Backend) {
    let store = database.connections().await;
    assert!(store.lease("one", Duration::ZERO).await.expect("an answer"));
    assert!(store.lease("two", LONG).await.expect("it has lapsed"));
    assert!(!store.lease("one", LONG).await.expect("it is two's now"));
}
