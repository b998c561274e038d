use std::time::{Duration, Instant};

use eventlog_simulation::Settings;
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, IndexModel};

use crate::{create_seq_index, start_with_events};

async fn numbers(events: &Collection<Document>, filter: Document, sort: Document, limit: i64) -> Vec<i32> {
    let mut found =
        events.find(filter).sort(sort).limit(limit).projection(doc! { "n": 1 }).await.expect("documents");
    let mut numbers = Vec::new();
    while found.advance().await.expect("a batch") {
        numbers.push(found.current().get_i32("n").expect("a number"));
    }
    numbers
}

/// `n` is the rank of a document in each order.
#[tokio::test]
async fn query_finds_the_same_documents_with_and_without_an_index() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    let documents = (0..300_i32).map(|n| {
        let text = format!("{n:03}");
        doc! { "_id": &text, "n": n, "seq": i64::from(n), "group": n % 3, "arrival": n / 10, "text": text }
    });
    events.insert_many(documents).await.expect("inserted");
    for is_indexed in [false, true] {
        if is_indexed {
            create_seq_index(&events).await;
            let keys = [doc! { "arrival": 1 }, doc! { "group": 1, "seq": -1 }];
            let models = keys.map(|keys| IndexModel::builder().keys(keys).build());
            events.create_indexes(models).await.expect("indexes");
        }
        let find = |filter, sort, limit| numbers(&events, filter, sort, limit);
        assert_eq!(find(doc! {}, doc! { "seq": -1 }, 2).await, [299, 298]);
        let range = doc! { "seq": { "$gte": 100, "$lt": 260.5 } };
        assert_eq!(find(range, doc! { "seq": 1 }, 0).await, (100..=260).collect::<Vec<_>>());
        assert_eq!(find(doc! { "group": 1 }, doc! { "seq": -1 }, 2).await, [298, 295]);
        let group = doc! { "group": 2, "seq": { "$gt": 2, "$lte": 8 } };
        assert_eq!(find(group, doc! { "seq": 1 }, 0).await, [5, 8]);
        assert_eq!(find(doc! { "arrival": 7 }, doc! { "arrival": 1, "_id": 1 }, 3).await, [70, 71, 72]);
        assert_eq!(find(doc! {}, doc! { "arrival": 1, "_id": 1 }, 3).await, [0, 1, 2]);
        assert_eq!(find(doc! {}, doc! { "arrival": -1, "_id": 1 }, 2).await, [290, 291]);
        let some = doc! { "_id": { "$in": ["200", "005", "none"] } };
        assert_eq!(find(some, doc! { "n": -1 }, 0).await, [200, 5]);
        let either = doc! { "arrival": 1, "$or": [{ "n": 12 }, { "n": { "$lte": 10 } }] };
        assert_eq!(find(either, doc! { "_id": -1 }, 0).await, [12, 10]);
        assert_eq!(find(doc! { "seq": { "$gt": 5, "$lt": 3 } }, doc! {}, 0).await, [0; 0]);
        assert_eq!(find(doc! { "_id": { "$gte": "298" } }, doc! { "_id": 1 }, 0).await, [298, 299]);
        assert_eq!(find(doc! { "none": Bson::Null, "n": { "$lt": 2 } }, doc! {}, 0).await, [0, 1]);
        assert_eq!(find(doc! { "text": { "$gt": 5 } }, doc! {}, 0).await, [0; 0]);
    }
    let two = events.find_one(doc! { "n": 7 }).projection(doc! { "_id": 0, "seq": 1 }).await;
    assert_eq!(two.expect("a result"), Some(doc! { "seq": 7_i64 }));
}

/// A scan of the whole log would take a thousand times longer.
#[tokio::test]
async fn head_read_does_not_scan_the_log() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    create_seq_index(&events).await;
    let documents = (0..30_000).map(|n| doc! { "_id": n, "seq": n });
    events.insert_many(documents).await.expect("inserted");
    let start = Instant::now();
    for _ in 0..100 {
        let head = events.find_one(doc! {}).sort(doc! { "seq": -1 }).await.expect("a result");
        assert_eq!(head.expect("a head").get_i32("_id").ok(), Some(29_999));
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
