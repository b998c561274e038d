use eventlog_simulation::Settings;
use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;

use crate::{code, create_seq_index, majority_ids, start_with_events, unique_index};

const DUPLICATE_KEY: Option<i32> = Some(11000);

#[tokio::test]
async fn unique_index_refuses_a_duplicate() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    create_seq_index(&events).await;
    create_seq_index(&events).await;
    events.insert_one(doc! { "_id": 1, "seq": 1_i64 }).await.expect("inserted");
    for twin in [doc! { "_id": 1, "seq": 2 }, doc! { "_id": 2, "seq": 1 }, doc! { "_id": 2, "seq": 1.0 }] {
        let error = events.insert_one(twin).await.expect_err("a duplicate");
        assert_eq!(code(&error), DUPLICATE_KEY, "{error}");
    }
    events.insert_one(doc! { "_id": 2, "seq": 2 }).await.expect("inserted");
    let error = events.update_one(doc! { "_id": 2 }, doc! { "$set": { "seq": 1 } }).await;
    assert_eq!(code(&error.expect_err("a duplicate")), DUPLICATE_KEY);
    events.delete_one(doc! { "_id": 1 }).await.expect("deleted");
    events.update_one(doc! { "_id": 2 }, doc! { "$set": { "seq": 1 } }).await.expect("seq 1 is free again");
    events.insert_one(doc! { "_id": 3 }).await.expect("inserted");
    let error = events.insert_one(doc! { "_id": 4 }).await.expect_err("a missing value counts as null");
    assert_eq!(code(&error), DUPLICATE_KEY, "{error}");
}

#[tokio::test]
async fn unique_index_is_refused_over_duplicates() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    events.insert_many([doc! { "_id": 1, "seq": 1 }, doc! { "_id": 2, "seq": 1 }]).await.expect("inserted");
    let error = events.create_index(unique_index("seq")).await.expect_err("a duplicate");
    assert_eq!(code(&error), DUPLICATE_KEY, "{error}");
    events.insert_one(doc! { "_id": 3, "seq": 1 }).await.expect("there is no index");
}

#[tokio::test]
async fn ordered_batch_stops_at_a_duplicate_and_an_unordered_one_continues() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    create_seq_index(&events).await;
    events.insert_one(doc! { "_id": 3, "seq": 3 }).await.expect("inserted");
    let batch = || (1..=5).map(|n| doc! { "_id": n, "seq": n });
    let error = events.insert_many(batch()).await.expect_err("a duplicate");
    assert_eq!(code(&error), DUPLICATE_KEY);
    assert_eq!(majority_ids(&events).await, [1, 2, 3]);
    let error = events.insert_many(batch()).ordered(false).await.expect_err("duplicates");
    assert_eq!(code(&error), DUPLICATE_KEY);
    assert_eq!(majority_ids(&events).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn concurrent_find_and_modify_succeeds_once() {
    let (_simulation, events) = start_with_events(Settings { threads: 2, ..Settings::default() }).await;
    events.insert_one(doc! { "_id": 1, "owner": "none" }).await.expect("inserted");
    let takers = (0..16).map(|taker| {
        let events = events.clone();
        tokio::spawn(async move {
            let free = doc! { "_id": 1, "owner": "none" };
            let take = doc! { "$set": { "owner": taker } };
            events.find_one_and_update(free, take).await.expect("a result").is_some()
        })
    });
    let mut winners = 0;
    for taker in takers.collect::<Vec<_>>() {
        winners += u32::from(taker.await.expect("a taker"));
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn update_applies_its_operators() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    let by_id = || doc! { "_id": 1, "kind": "a" };
    let update = doc! { "$set": { "x": 1 }, "$setOnInsert": { "y": 2 }, "$max": { "z": 3 } };
    let upserted = events.update_one(by_id(), update).upsert(true).await.expect("updated");
    assert_eq!((upserted.matched_count, upserted.upserted_id), (0, Some(1.into())));
    let update =
        doc! { "$set": { "x": 5 }, "$setOnInsert": { "y": 9 }, "$max": { "z": 1 }, "$inc": { "n": 2 } };
    let updated = events.find_one_and_update(by_id(), update).return_document(ReturnDocument::After).await;
    let expected = doc! { "_id": 1, "kind": "a", "x": 5, "y": 2, "z": 3, "n": 2 };
    assert_eq!(updated.expect("updated"), Some(expected));
    let same = events.update_one(by_id(), doc! { "$max": { "z": 3 } }).await.expect("updated");
    assert_eq!((same.matched_count, same.modified_count), (1, 0));
    events.replace_one(by_id(), doc! { "kind": "b" }).await.expect("replaced");
    let found = events.find_one(doc! {}).await.expect("a document");
    assert_eq!(found, Some(doc! { "_id": 1, "kind": "b" }));

    let many: Vec<_> =
        (2..5).map(|n| doc! { "q": { "_id": n }, "u": { "$set": { "n": n } }, "upsert": true }).collect();
    let command = doc! { "update": "events", "updates": many, "ordered": false };
    let database = events.client().database("test");
    let reply = database.run_command(command).await.expect("updated");
    assert_eq!(reply.get_array("upserted").map(Vec::len).ok(), Some(3), "{reply}");
    let deleted = events.delete_many(doc! { "_id": { "$in": [1, 2, 9] } }).await.expect("deleted");
    assert_eq!(deleted.deleted_count, 2);
    assert_eq!(majority_ids(&events).await, [3, 4]);
}

#[tokio::test]
async fn unknown_feature_is_refused() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    let database = events.client().database("test");
    for filter in [
        doc! { "x": { "$regex": "a" } },
        doc! { "$nor": [{ "x": 1 }] },
        doc! { "$or": [{ "x": 1 }, { "x": { "$type": 1 } }] },
        doc! { "x": { "y": 1 } },
    ] {
        events.find_one(filter.clone()).await.expect_err(&filter.to_string());
        events.delete_one(filter.clone()).await.expect_err(&filter.to_string());
    }
    events.update_one(doc! {}, doc! { "$push": { "x": 1 } }).await.expect_err("an unknown operator");
    events.update_one(doc! {}, doc! { "$set": { "x.y": 1 } }).await.expect_err("a path");
    events.aggregate([doc! { "$match": {} }]).await.expect_err("no change stream");
    let hint: Document = doc! { "find": "events", "hint": "seq_1" };
    assert_eq!(code(&database.run_command(hint).await.expect_err("an unknown field")), Some(40415));
    assert_eq!(code(&database.run_command(doc! { "mapReduce": 1 }).await.expect_err("unknown")), Some(59));
    let w = doc! { "insert": "events", "documents": [{}], "writeConcern": { "w": 3 } };
    assert_eq!(code(&database.run_command(w).await.expect_err("an unknown concern")), Some(238));
    assert_eq!(majority_ids(&events).await, [0; 0]);
}

#[tokio::test]
async fn repeated_retryable_write_gets_its_first_reply() {
    let (_simulation, events) = start_with_events(Settings::default()).await;
    let database = events.client().database("test");
    let session = mongodb::bson::Uuid::new();
    let retryable = |mut command: Document, number: i64| {
        command.insert("lsid", doc! { "id": session });
        command.insert("txnNumber", number);
        command
    };
    let insert = retryable(doc! { "insert": "events", "documents": [{ "_id": 1, "n": 0 }, { "_id": 2 }] }, 1);
    let first = database.run_command(insert.clone()).await.expect("inserted");
    assert_eq!(database.run_command(insert.clone()).await.expect("the first reply"), first);

    let one = doc! { "q": { "_id": 1 }, "u": { "$inc": { "n": 1 } } };
    let update = retryable(doc! { "update": "events", "updates": [one] }, 2);
    let modify = doc! { "findAndModify": "events", "query": { "_id": 1 }, "update": { "$inc": { "n": 10 } } };
    for command in [update, retryable(modify, 3)] {
        let first = database.run_command(command.clone()).await.expect("updated");
        assert_eq!(database.run_command(command).await.expect("the first reply"), first);
    }
    let found = events.find_one(doc! { "_id": 1 }).await.expect("a result").expect("a document");
    assert_eq!(found.get_i32("n").ok(), Some(11));
    let error = database.run_command(insert).await.expect_err("the session has begun a later write");
    assert_eq!(code(&error), Some(225));
    let delete = retryable(doc! { "delete": "events", "deletes": [{ "q": {}, "limit": 1 }] }, 4);
    for _ in 0..2 {
        database.run_command(delete.clone()).await.expect("deleted");
        assert_eq!(majority_ids(&events).await, [2]);
    }
}
