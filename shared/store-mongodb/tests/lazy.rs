//! Stores that are opened on demand.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use eventlog_ledger::{EventStore, StoreError};
use eventlog_simulation::{Settings, Simulation};
use eventlog_store_mongodb::{Events, Lazy, OpenError};
use eventlog_testing::{draft, within};
use tokio::sync::watch;

/// Connection strings as a place hands them out that is asked over and over.
#[derive(Clone)]
struct Place {
    uri: watch::Sender<String>,
    asked: Arc<AtomicUsize>,
}

impl Place {
    fn new(uri: impl Into<String>) -> Self {
        Self { uri: watch::Sender::new(uri.into()), asked: Arc::default() }
    }

    fn lazy(&self) -> Lazy<Events> {
        let place = self.clone();
        let fetch = move || {
            place.asked.fetch_add(1, SeqCst);
            let uri = place.uri.borrow().clone();
            ready(if uri == "lost" { Err("it is lost") } else { Ok(uri) })
        };
        Lazy::new(fetch, Events::new)
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

async fn append(log: &Lazy<Events>) -> Result<(), StoreError> {
    let log = log.get().await.expect("the stores");
    within("an append", log.append(vec![draft("lazy", "{}")])).await.map(drop)
}

fn start() -> Simulation {
    Simulation::start(Settings::default()).expect("a simulation")
}

#[tokio::test]
async fn they_are_opened_once_for_all() {
    let simulation = start();
    let place = Place::new(simulation.uri());
    let log = place.lazy();
    assert_eq!(place.asked(), 0, "not before they are needed");
    let (one, other) = tokio::join!(log.get(), log.get());
    assert!(Arc::ptr_eq(&one.expect("stores"), &other.expect("stores")));
    append(&log).await.expect("appended");
    assert_eq!(place.asked(), 1);
}

/// The invocation that meets with it fails; the next one gets the new password.
#[tokio::test]
async fn a_password_that_is_refused_is_fetched_anew() {
    let simulation = start();
    let place = Place::new(simulation.uri_with_password("old"));
    let log = place.lazy();
    append(&log).await.expect("any password is taken");
    simulation.set_password("new").expect("set");
    place.uri.send_replace(simulation.uri_with_password("new"));
    let refused = append(&log).await.expect_err("the old one is not");
    assert!(matches!(&refused, StoreError::Unavailable(reason) if !reason.to_string().contains("old")));
    assert_eq!(place.asked(), 1);
    append(&log).await.expect("the new one is");
    assert_eq!(place.asked(), 2);
    append(&log).await.expect("and stays");
    assert_eq!(place.asked(), 2);
}

/// While the secret says the old one still, each invocation asks, fails, and leaves it to the next one.
#[tokio::test]
async fn a_password_that_is_refused_again_is_fetched_again() {
    let simulation = start();
    let place = Place::new(simulation.uri_with_password("old"));
    let log = place.lazy();
    simulation.set_password("new").expect("set");
    for asked in 1..=3 {
        append(&log).await.expect_err("refused");
        assert_eq!(place.asked(), asked);
    }
    place.uri.send_replace("lost".into());
    assert!(matches!(log.get().await, Err(OpenError::Fetch(_))));
    place.uri.send_replace(simulation.uri_with_password("new"));
    append(&log).await.expect("taken");
}

#[tokio::test]
async fn what_cannot_be_opened_ends_the_work_beside_it() {
    for (uri, why) in [("lost", "it is lost"), ("mongodb://user:hunter2@", "malformed")] {
        let log = Place::new(uri).lazy();
        let ended = within("the end", log.beside(pending::<Result<(), OpenError>>())).await;
        let error = ended.expect_err("it cannot be opened").to_string();
        assert!(error.contains(why) && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn what_can_be_opened_leaves_the_work_its_time() {
    let simulation = start();
    let place = Place::new(simulation.uri());
    let log = place.lazy();
    let work = async {
        append(&log).await.expect("appended");
        Ok::<_, OpenError>(())
    };
    within("the work", log.beside(work)).await.expect("its end");
    assert_eq!(place.asked(), 1);
}
