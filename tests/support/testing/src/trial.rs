//! Tests as values: their list is made at run time, so that what cannot run here is reported as ignored.

use std::future::Future;
use std::time::Duration;

use eventlog_chain::Verifier;
use eventlog_ledger::{Draft, Event, EventStore, Head, NewEvent, Query, new_id};
use libtest_mimic::Trial;

/// One test. It fails by panicking.
pub fn trial<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F + Send + 'static) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(test());
        runtime.shutdown_background();
        Ok(())
    })
}

/// Tests that need a MongoDB: where there is none they are ignored or, if it is required, failed.
pub fn trials_on_mongodb(trials: Vec<Trial>) -> Vec<Trial> {
    let server = crate::server().map(crate::Server::kind);
    on_server("MongoDB", server.map_err(str::to_owned), trials)
}

/// Tests that need a FerretDB, likewise.
pub fn trials_on_ferretdb(trials: Vec<Trial>) -> Vec<Trial> {
    on_server("FerretDB", crate::ferretdb::can_start(), trials)
}

fn on_server(name: &str, kind: Result<&str, String>, trials: Vec<Trial>) -> Vec<Trial> {
    match kind {
        Ok(kind) => trials.into_iter().map(|trial| trial.with_kind(kind)).collect(),
        Err(reason) if crate::required() => {
            let missing = format!("a {name} is required, and there is none: {reason}");
            vec![Trial::test(format!("{}_is_there", name.to_lowercase()), || Err(missing.into()))]
        }
        Err(reason) => {
            eprintln!("the tests on {name} are ignored: {reason}");
            trials.into_iter().map(|trial| trial.with_ignored_flag(true)).collect()
        }
    }
}

/// A draft with a fresh `_id`.
pub fn draft(event_type: &str, payload: &str) -> Draft {
    let text = format!(r#"{{"eventType":{event_type:?},"sourceAppId":"test","dataPayload":{payload}}}"#);
    NewEvent::parse(&text).expect(&text).into_draft(new_id())
}

/// Reads the whole log; panics unless it is one chain without a fault whose end is its head.
pub async fn check_log(log: &impl EventStore) -> Vec<Event> {
    let mut events = Vec::new();
    let mut verifier = Verifier::from_start();
    loop {
        let next = Query::from_place(events.len() as u64, 1000, usize::MAX);
        let read = log.page(next).await.expect("a page").events;
        if read.is_empty() {
            break;
        }
        for event in &read {
            verifier.check(event).expect("an unbroken chain");
        }
        events.extend(read);
    }
    let head = log.head().await.expect("the head");
    let last = events.last().map(|event| Head::of(events.len() as u64 - 1, event));
    assert_eq!(head, last, "the head is the last event");
    events
}

/// The outcome of `future`; panics if it takes longer than any fault could explain.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(60);
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("timed out: {what}"))
}
