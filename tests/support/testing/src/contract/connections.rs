//! The contract of [`ConnectionStore`].

use std::time::Duration;

use eventlog_ledger::{Connection, ConnectionStore, Filter, Lease, Shard, Timestamp, now};

use super::backend::Backend;

/// The duration of a lease that outlasts a test.
const LONG_LEASE: Duration = Duration::from_secs(600);

fn connection(id: &str) -> Connection {
    Connection { id: id.into(), connected_at: now(), filter: Filter::default(), batch: false, position: 5 }
}

async fn add(store: &impl ConnectionStore, ids: &[&str]) {
    for id in ids {
        store.add(connection(id)).await.expect("added");
    }
}

/// Returns ids and positions of all connections, sorted.
async fn all(store: &impl ConnectionStore) -> Vec<(String, u64)> {
    let joined = store.joined(None).await.expect("connections");
    let mut all: Vec<_> = joined.connections.into_iter().map(|c| (c.id, c.position)).collect();
    all.sort();
    all
}

fn at_five(ids: &[&str]) -> Vec<(String, u64)> {
    ids.iter().map(|id| (id.to_string(), 5)).collect()
}

pub(super) async fn connection_is_found_until_it_is_removed(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["a=", "b="]).await;
    assert!(store.contains("a=").await.expect("a result"));
    store.remove("a=").await.expect("removed");
    store.remove("a=").await.expect("removing a missing connection is no error");
    assert!(!store.contains("a=").await.expect("a result"));
    assert_eq!(all(&store).await, at_five(&["b="]));
}

pub(super) async fn joined_returns_connections_since_a_mark(database: &impl Backend) {
    let store = database.connections().await;
    let none = store.joined(None).await.expect("connections");
    assert_eq!(none.connections, []);
    add(&store, &["a", "b"]).await;
    let two = store.joined(Some(none.mark)).await.expect("connections");
    let ids = |connections: &[Connection]| connections.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&two.connections).len(), 2);
    add(&store, &["c"]).await;
    let one = store.joined(Some(two.mark)).await.expect("connections");
    assert!(ids(&one.connections).contains(&"c".into()), "{one:?}");
    add(&store, &["a"]).await;
    assert_eq!(all(&store).await, at_five(&["a", "b", "c"]));
}

pub(super) async fn position_never_moves_back(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["a", "b"]).await;
    let positions = [("a".to_owned(), 9), ("b".to_owned(), 2), ("missing".to_owned(), 7)];
    store.advance(&positions).await.expect("advanced");
    store.advance(&[]).await.expect("nothing to do");
    assert_eq!(all(&store).await, [("a".into(), 9), ("b".into(), 5)]);
}

pub(super) async fn sweep_removes_old_connections(database: &impl Backend) {
    let store = database.connections().await;
    add(&store, &["new"]).await;
    let long_ago = Timestamp::from_millis(now().millis() - 3_600_000).expect("a time");
    let old = Connection { connected_at: long_ago, ..connection("old") };
    store.add(old).await.expect("added");
    let before = Timestamp::from_millis(now().millis() - 60_000).expect("a time");
    assert_eq!(store.sweep(before).await.expect("swept"), 1);
    assert_eq!(all(&store).await, at_five(&["new"]));
}

pub(super) async fn connection_keeps_its_filter_and_batch_flag(database: &impl Backend) {
    let store = database.connections().await;
    let text = |text: &str| Some(text.to_owned());
    let filters = [(None, None), (text("$ne"), None), (None, text("a.b \u{e9}")), (text("A"), text("B"))];
    let mut expected: Vec<_> = (0..8)
        .map(|n| {
            let (event_type, source_app_id) = filters[n % 4].clone();
            let filter = Filter { event_type, source_app_id };
            Connection { filter, batch: n >= 4, ..connection(&format!("{n}")) }
        })
        .collect();
    for connection in &expected {
        store.add(connection.clone()).await.expect("added");
    }
    let mut joined = store.joined(None).await.expect("connections").connections;
    joined.sort_by(|a, b| a.id.cmp(&b.id));
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(joined, expected);
}

pub(super) async fn shards_partition_the_connections(database: &impl Backend) {
    let store = database.connections().await;
    let ids: Vec<_> = (0..40).map(|n| format!("{n:02}=")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    add(&store, &ids).await;
    assert_eq!(store.count().await.expect("a number"), 40);
    let before = store.joined(None).await.expect("connections").mark;
    let mut union = Vec::new();
    for shard in Shard::all(4) {
        let part = store.shard(shard);
        let some = all(&part).await;
        assert!((1..39).contains(&some.len()), "{shard}: {}", some.len());
        let since = part.joined(Some(before)).await.expect("connections").connections;
        assert!(since.iter().all(|c| some.iter().any(|(id, _)| *id == c.id)), "{shard}: {since:?}");
        union.extend(some);
        assert_eq!(part.lease("one", LONG_LEASE).await.expect("a result"), Lease::New, "{shard}");
    }
    union.sort();
    assert_eq!(union, at_five(&ids));
    assert_eq!(
        store.lease("two", LONG_LEASE).await.expect("a result"),
        Lease::New,
        "the unsharded store has its own lease"
    );
    let last = store.shard(Shard::new(3, 4).expect("a shard"));
    assert_eq!(last.lease("two", LONG_LEASE).await.expect("a result"), Lease::Refused);
}

pub(super) async fn lease_has_one_holder(database: &impl Backend) {
    let store = database.connections().await;
    let lease = async |holder| store.lease(holder, LONG_LEASE).await.expect("a result");
    assert_eq!(lease("one").await, Lease::New);
    assert_eq!(lease("one").await, Lease::Kept, "the holder renews it");
    assert_eq!(lease("two").await, Lease::Refused);
    store.release("two").await.expect("a release without the lease has no effect");
    assert_eq!(lease("two").await, Lease::Refused);
    store.release("one").await.expect("released");
    assert_eq!(lease("one").await, Lease::Kept, "no other holder in between");
    store.release("one").await.expect("released");
    assert_eq!(lease("two").await, Lease::New);
    store.release("two").await.expect("released");
    assert_eq!(lease("one").await, Lease::New, "another holder in between");
}

pub(super) async fn lease_passes_on_after_it_expires(database: &impl Backend) {
    let store = database.connections().await;
    let lease = async |holder, time| store.lease(holder, time).await.expect("a result");
    assert_eq!(lease("one", Duration::ZERO).await, Lease::New);
    assert_eq!(lease("one", Duration::ZERO).await, Lease::Kept);
    assert_eq!(lease("two", LONG_LEASE).await, Lease::New);
    assert_eq!(lease("one", LONG_LEASE).await, Lease::Refused);
}
