//! The file: what else may happen to it.

use eventlog_ledger::{EventStore, Query, StoreError};
use eventlog_store_sqlite::{Durability, Events, OpenError};
use eventlog_testing::{check_log, draft, within};
use rusqlite::Connection;

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
