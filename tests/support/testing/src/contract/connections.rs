//! The contract of [`ConnectionStore`].

use std::time::Duration;

use eventlog_ledger::{Connection, ConnectionStore, Filter, Lease, Shard, Timestamp, now};

use super::Backend;

const LONG: Duration = Duration::from_secs(600);

fn connection(id: &str) -> Connection {
    Connection { id: id.into(), connected_at: now(), filter: Filter::default(), batch: false, position: 5 }
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

pub(super) async fn what_a_connection_wants_is_kept(database: &impl Backend) {
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
    let mut joined = store.joined(None).await.expect("a look").connections;
    joined.sort_by(|a, b| a.id.cmp(&b.id));
    expected.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(joined, expected);
}

pub(super) async fn shares_part_the_connections_among_them(database: &impl Backend) {
    let store = database.connections().await;
    let ids: Vec<_> = (0..40).map(|n| format!("{n:02}=")).collect();
    for id in &ids {
        store.add(connection(id)).await.expect("added");
    }
    assert_eq!(store.count().await.expect("a number"), 40);
    let before = store.joined(None).await.expect("a look").mark;
    let mut parted = Vec::new();
    for shard in Shard::all(4) {
        let share = store.shard(shard);
        let some = all(&share).await;
        assert!((1..39).contains(&some.len()), "{shard}: {}", some.len());
        let since = share.joined(Some(before)).await.expect("a look").connections;
        assert!(since.iter().all(|c| some.iter().any(|(id, _)| *id == c.id)), "{shard}: {since:?}");
        parted.extend(some);
        assert_eq!(share.lease("one", LONG).await.expect("an answer"), Lease::New, "{shard}");
    }
    parted.sort();
    assert_eq!(parted, at_five(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(store.lease("two", LONG).await.expect("an answer"), Lease::New, "the whole has its own");
    let last = store.shard(Shard::new(3, 4).expect("a share"));
    assert_eq!(last.lease("two", LONG).await.expect("an answer"), Lease::Refused);
}

pub(super) async fn a_lease_has_one_owner(database: &impl Backend) {
    let store = database.connections().await;
    let lease = async |owner| store.lease(owner, LONG).await.expect("an answer");
    assert_eq!(lease("one").await, Lease::New);
    assert_eq!(lease("one").await, Lease::Kept, "the owner renews it");
    assert_eq!(lease("two").await, Lease::Refused);
    store.release("two").await.expect("it is not two's to give back");
    assert_eq!(lease("two").await, Lease::Refused);
    store.release("one").await.expect("released");
    assert_eq!(lease("one").await, Lease::Kept, "nobody had it in between");
    store.release("one").await.expect("released");
    assert_eq!(lease("two").await, Lease::New);
    store.release("two").await.expect("released");
    assert_eq!(lease("one").await, Lease::New, "two had it in between");
}

pub(super) async fn a_lease_lapses(database: &impl Backend) {
    let store = database.connections().await;
    let lease = async |owner, time| store.lease(owner, time).await.expect("an answer");
    assert_eq!(lease("one", Duration::ZERO).await, Lease::New);
    assert_eq!(lease("one", Duration::ZERO).await, Lease::Kept);
    assert_eq!(lease("two", LONG).await, Lease::New);
    assert_eq!(lease("one", LONG).await, Lease::Refused);
}
