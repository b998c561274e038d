//! The file: what else may happen to it.

use eventlog_ledger::{EventStore, Filter, Query, StoreError, now};
use eventlog_store_sqlite::{Durability, Events, OpenError};
use eventlog_testing::{check_log, draft, within};
use rusqlite::{Connection, params};

fn open(folder: &tempfile::TempDir) -> Events {
    Events::open(folder.path(), Durability::Process).expect("a log")
}

fn behind_its_back(folder: &tempfile::TempDir) -> Connection {
    Connection::open(folder.path().join("events.db")).expect("a database")
}

#[tokio::test]
async fn an_append_waits_for_another_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(&folder);
    let other = behind_its_back(&folder);
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let appending = tokio::spawn({
        let log = log.clone();
        async move { log.append(vec![draft("waits", "{}")]).await }
    });
    let page = log.page(Query::from_place(0, 10, 1000));
    assert_eq!(within("a reader does not wait", page).await.expect("a page").events, []);
    assert!(!appending.is_finished());
    other.execute_batch("COMMIT").expect("the lock is free");
    let events = within("the append", appending).await.expect("no panic").expect("appended");
    assert_eq!(check_log(&log).await, events);
}

#[tokio::test]
async fn a_database_that_is_broken_is_unavailable_until_it_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(&folder);
    log.append(vec![draft("one", "{}")]).await.expect("appended");
    let other = behind_its_back(&folder);
    other.execute_batch("ALTER TABLE events RENAME TO hidden").expect("hidden");
    let unavailable = |error| matches!(error, StoreError::Unavailable(_));
    assert!(unavailable(log.append(vec![draft("two", "{}")]).await.expect_err("no table")));
    assert!(unavailable(log.head().await.expect_err("no table")));
    other.execute_batch("ALTER TABLE hidden RENAME TO events").expect("mended");
    log.append(vec![draft("three", "{}")]).await.expect("appended");
    assert_eq!(check_log(&log).await.len(), 2);
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(&folder));
    behind_its_back(&folder).pragma_update(None, "user_version", 99).expect("written");
    let error = Events::open(folder.path(), Durability::Process).err();
    assert!(matches!(error, Some(OpenError::Newer { found: 99, .. })), "{error:?}");
}

#[test]
fn two_processes_may_make_the_file_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Events::open(folder.path(), Durability::Process).map(drop);
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                thread.join().expect("no panic").expect("opened");
            }
        });
    }
}

/// Formats 1 and 2, as they were.
const EARLIER: [&str; 2] = [
    "CREATE TABLE events (
        seq          INTEGER PRIMARY KEY,
        id           TEXT NOT NULL UNIQUE,
        eventType    TEXT NOT NULL,
        sourceAppId  TEXT NOT NULL,
        dataPayload  TEXT NOT NULL,
        timestamp    INTEGER NOT NULL,
        previousHash TEXT NOT NULL,
        currentHash  TEXT NOT NULL
    ) STRICT;",
    "ALTER TABLE events ADD COLUMN request BLOB;
    CREATE INDEX byType ON events (eventType);
    CREATE INDEX bySource ON events (sourceAppId);
    CREATE INDEX byTypeAndSource ON events (eventType, sourceAppId);
    CREATE INDEX byTime ON events (timestamp);",
];

#[tokio::test]
async fn a_file_of_an_earlier_version_is_gone_on_with() {
    for (format, made) in [(1, EARLIER[..1].concat()), (2, EARLIER.concat())] {
        let folder = tempfile::tempdir().expect("a folder");
        let old = behind_its_back(&folder);
        old.execute_batch(&made).expect("made");
        old.pragma_update(None, "user_version", format).expect("written");
        let first = draft("old", "{}").link(None, now());
        let columns = "seq, id, eventType, sourceAppId, dataPayload, timestamp, previousHash, currentHash";
        old.execute(
            &format!("INSERT INTO events ({columns}) VALUES (0, ?, 'old', ?, '{{}}', ?, '', ?)"),
            params![
                first.id.to_string(),
                first.source_app_id,
                first.timestamp.millis(),
                first.current_hash.to_string()
            ],
        )
        .expect("an event");
        drop(old);
        // Twice: what was changed is not changed again.
        for count in 2..=3 {
            let log = open(&folder);
            log.append(vec![draft("new", "{}")]).await.expect("appended");
            let all = check_log(&log).await;
            assert_eq!((all.len(), &all[0]), (count, &first), "format {format}");
            assert_eq!(log.place_in_time(first.timestamp).await.expect("a place"), Some(0));
            let filter = Filter { event_type: Some("old".into()), source_app_id: None };
            let filter = Query { filter, ..Query::from_place(0, 10, 1000) };
            assert_eq!(log.page(filter).await.expect("a page").events, std::slice::from_ref(&first));
        }
    }
}

/// A thread of its own takes it over; where that does not keep up, the writer does.
#[tokio::test]
async fn the_write_ahead_log_is_taken_over() {
    const MB: u64 = 1 << 20;
    let folder = tempfile::tempdir().expect("a folder");
    let log = open(&folder);
    let len = || std::fs::metadata(folder.path().join("events.db")).expect("a file").len();
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let large = |count| (0..count).map(|_| draft("large", &payload)).collect::<Vec<_>>();
    log.append(large(60)).await.expect("appended");
    let by_the_thread = async {
        while len() < 4 * MB {
            tokio::task::yield_now().await;
        }
    };
    within("the file to grow", by_the_thread).await;
    log.append(large(400)).await.expect("appended");
    let by_the_writer = async {
        while len() < 40 * MB {
            log.append(vec![draft("small", "{}")]).await.expect("appended");
        }
    };
    within("the file to grow", by_the_writer).await;
}
