//! Whole runs: what the answers to posts do to the connections.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use eventlog_aws::NotInvoked;
use eventlog_broadcast::{ApiGateway, Broadcast, Colleagues, Known, WakeUp};
use eventlog_lambda::Mode;
use eventlog_ledger::{
    Connection, ConnectionStore, EventStore, Filter, Lease, Shard, StoreError, Timestamp, now,
};
use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::{capture_log, draft, within};
use serde_json::Value;
use tempfile::TempDir;

use crate::endpoint::Reply::{Fault, Status};
use crate::endpoint::{Gateway, TAKEN};

struct World {
    _folder: TempDir,
    log: Events,
    connections: Connections,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Events::open(folder.path(), Durability::Process).expect("a log");
        Self { _folder: folder, log, connections: Connections::open().expect("a store") }
    }

    /// The messages of so many new events.
    async fn append(&self, events: usize) -> Vec<String> {
        let events = self.log.append((0..events).map(|_| draft("new", "{}")).collect::<Vec<_>>()).await;
        events.expect("logged").iter().map(|event| event.to_json()).collect()
    }

    async fn join(&self, id: &str, seconds_ago: i64) {
        let connected_at = Timestamp::from_millis(now().millis() - seconds_ago * 1000).expect("a time");
        let (filter, batch) = (Filter::default(), false);
        let connection = Connection { id: id.into(), connected_at, filter, batch, position: 0 };
        self.connections.add(connection).await.expect("added");
    }

    async fn ids(&self) -> Vec<String> {
        let joined = self.connections.joined(None).await.expect("a look");
        joined.connections.into_iter().map(|connection| connection.id).collect()
    }

    fn broadcast(&self, gateway: &Gateway) -> Broadcast<Events, Connections, ApiGateway, Nobody> {
        self.broadcast_with(gateway, Nobody)
    }

    fn broadcast_with<F>(
        &self,
        gateway: &Gateway,
        colleagues: F,
    ) -> Broadcast<Events, Connections, ApiGateway, F> {
        Broadcast {
            log: self.log.clone(),
            connections: self.connections.clone(),
            push: gateway.client("/prod"),
            posts_per_second: 5000,
            colleagues,
            known: Known::default(),
        }
    }

    /// A run as a trigger starts it. Answers what it logged.
    async fn run(&self, gateway: &Gateway) -> Vec<Value> {
        let (broadcast, deadline) = (self.broadcast(gateway), SystemTime::now() + Duration::from_secs(60));
        let alarm = async || self.log.alarm().await;
        let run = broadcast.handle(WakeUp::Look, alarm, Mode::Trigger, deadline);
        let (ended, log) = within("a run", capture_log(run)).await;
        ended.expect("a run");
        log
    }
}

/// Few connections need nobody else.
struct Nobody;

impl Colleagues for Nobody {
    async fn call_in(&self, shard: Shard) -> Result<(), NotInvoked> {
        panic!("nobody can serve {shard}")
    }
}

/// Somebody comes whenever called.
#[derive(Default)]
struct Called(Mutex<Vec<Shard>>);

impl Colleagues for &Called {
    async fn call_in(&self, shard: Shard) -> Result<(), NotInvoked> {
        self.0.lock().expect("a lock").push(shard);
        Ok(())
    }
}

#[tokio::test]
async fn a_run_delivers_what_is_new_and_forgets_who_is_gone() {
    let gateway = Gateway::start(|path, _| if path.ends_with("/gone") { Status(410) } else { TAKEN }).await;
    let world = World::new();
    world.join("gone", 3600).await;
    world.join("here", 3600).await;
    let mut messages = world.append(5).await;
    world.run(&gateway).await;
    assert_eq!(world.ids().await, ["here"]);
    messages.extend(world.append(1).await);
    world.run(&gateway).await;
    assert_eq!(gateway.bodies("/prod/@connections/here"), messages, "in order, nothing twice");
    assert_eq!(gateway.bodies("/prod/@connections/gone").len(), 1);
}

/// To API Gateway a connection whose `$connect` has not returned does not exist.
#[tokio::test]
async fn one_that_has_just_come_is_tried_again() {
    let not_yet = |path: &str, nth: usize| match nth {
        0 | 1 if path.ends_with("/new") => Fault(410, "GoneException"),
        _ => TAKEN,
    };
    let gateway = Gateway::start(not_yet).await;
    let world = World::new();
    world.join("new", 0).await;
    let messages = world.append(2).await;
    world.run(&gateway).await;
    assert_eq!(gateway.bodies("/prod/@connections/new")[2..], messages);
    assert_eq!(world.ids().await, ["new"]);
}

#[tokio::test]
async fn what_is_throttled_or_fails_is_sent_until_it_is_taken() {
    let busy = |path: &str, nth: usize| match (path, nth) {
        ("/prod/@connections/busy", 0) => Fault(429, "LimitExceededException"),
        ("/prod/@connections/busy", 1) => Status(429),
        ("/prod/@connections/busy", 3) => Status(500),
        ("/prod/@connections/busy", 4) => Fault(403, "ForbiddenException"),
        _ => TAKEN,
    };
    let gateway = Gateway::start(busy).await;
    let world = World::new();
    world.join("busy", 3600).await;
    world.join("other", 3600).await;
    let messages = world.append(3).await;
    world.run(&gateway).await;
    let tries = [0, 0, 0, 1, 1, 1, 2].map(|nth: usize| messages[nth].clone());
    assert_eq!(gateway.bodies("/prod/@connections/busy"), tries);
    assert_eq!(gateway.bodies("/prod/@connections/other"), messages);
}

/// A message that is too long is reported, left out and holds up nothing.
#[tokio::test]
async fn what_is_refused_is_logged_once_and_left_out() {
    let strict = |path: &str, nth: usize| match (path, nth) {
        ("/prod/@connections/a", 1) => Fault(413, "PayloadTooLargeException"),
        ("/prod/@connections/a", 2) => Status(413),
        ("/prod/@connections/b", 0) => Fault(400, "BadRequestException"),
        ("/prod/@connections/b", 3) => Status(400),
        _ => TAKEN,
    };
    let gateway = Gateway::start(strict).await;
    let world = World::new();
    for id in ["a", "b", "c"] {
        world.join(id, 3600).await;
    }
    let messages = world.append(5).await;
    let log = world.run(&gateway).await;
    for id in ["a", "b", "c"] {
        assert_eq!(gateway.bodies(&format!("/prod/@connections/{id}")), messages, "each is tried once: {id}");
    }
    let mut errors: Vec<_> = log.iter().filter(|line| line["level"] == "ERROR").collect();
    errors.sort_by_key(|line| (line["fields"]["connection"].to_string(), line["fields"]["seq"].as_u64()));
    let errors: Vec<_> = errors
        .iter()
        .map(|line| {
            let field = |name: &str| line["fields"][name].as_str().unwrap_or_default();
            assert_eq!(field("message"), "never delivered");
            (field("connection"), line["fields"]["seq"].as_u64(), field("reason"))
        })
        .collect();
    let expected = [
        ("a", Some(1), "HTTP status 413"),
        ("a", Some(2), "HTTP status 413"),
        ("b", Some(0), "HTTP status 400"),
        ("b", Some(3), "HTTP status 400"),
    ];
    assert_eq!(errors, expected);
}

/// A scheduled run ends before its deadline, so that it can store what it has done.
#[tokio::test]
async fn a_polling_run_ends_by_itself() {
    let gateway = Gateway::start(|_, _| TAKEN).await;
    let world = World::new();
    let alarm = async || world.log.alarm().await;
    let deadline = SystemTime::now() + Duration::from_secs(3);
    let broadcast = world.broadcast(&gateway);
    within("the run", broadcast.handle(WakeUp::Look, alarm, Mode::Polling, deadline)).await.expect("a run");
    let lease = world.connections.lease("somebody else", Duration::ZERO).await.expect("an answer");
    assert_eq!(lease, Lease::New, "it is given back");
}

/// A database that elects is away for seconds; the schedule's next run would be up to a minute away.
#[tokio::test]
async fn a_polling_run_starts_over_after_an_error() {
    let gateway = Gateway::start(|_, _| TAKEN).await;
    let world = World::new();
    world.join("here", 3600).await;
    let messages = world.append(2).await;
    let failed = AtomicBool::new(false);
    let alarm = async || match failed.swap(true, Relaxed) {
        false => Err(StoreError::unavailable("an election")),
        true => world.log.alarm().await,
    };
    let deadline = SystemTime::now() + Duration::from_secs(6);
    let broadcast = world.broadcast(&gateway);
    within("the run", broadcast.handle(WakeUp::Look, alarm, Mode::Polling, deadline)).await.expect("a run");
    assert_eq!(gateway.bodies("/prod/@connections/here"), messages);
}

/// More have come than one run serves, so others have them by now.
#[tokio::test]
async fn a_triggered_run_does_not_call_in_a_share_that_is_no_more() {
    let gateway = Gateway::start(|_, _| Status(429)).await;
    let world = World::new();
    for n in 0..2501 {
        world.join(&n.to_string(), 3600).await;
    }
    world.append(1).await;
    let called = Called::default();
    let broadcast = world.broadcast_with(&gateway, &called);
    let deadline = SystemTime::now() + Duration::from_secs(3);
    let alarm = async || world.log.alarm().await;
    let run = broadcast.handle(WakeUp::Serve(Shard::WHOLE), alarm, Mode::Trigger, deadline);
    within("a run", run).await.expect("a run");
    assert_eq!(*called.0.lock().expect("a lock"), []);
}

/// Those whom triggers wake meanwhile find the lease taken and leave: without a call the rest would wait for the schedule.
#[tokio::test]
async fn a_triggered_run_whose_time_is_up_calls_in_the_next_one() {
    let is_open = Arc::new(AtomicBool::new(false));
    let open = is_open.clone();
    let gateway = Gateway::start(move |_, _| if open.load(Relaxed) { TAKEN } else { Status(429) }).await;
    let world = World::new();
    world.join("here", 3600).await;
    let messages = world.append(1).await;
    let called = Called::default();
    let broadcast = world.broadcast_with(&gateway, &called);
    let alarm = async || world.log.alarm().await;
    // No time for anything but to store what was done.
    let deadline = SystemTime::now() + Duration::from_secs(3);
    let run = broadcast.handle(WakeUp::Look, alarm, Mode::Trigger, deadline);
    within("a run", run).await.expect("a run");
    assert_eq!(*called.0.lock().expect("a lock"), [Shard::WHOLE]);
    is_open.store(true, Relaxed);
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let run = broadcast.handle(WakeUp::Serve(Shard::WHOLE), alarm, Mode::Trigger, deadline);
    within("the next run", run).await.expect("a run");
    assert_eq!(gateway.bodies("/prod/@connections/here").last(), messages.last());
    assert_eq!(called.0.lock().expect("a lock").len(), 1, "nobody is called when all have all");
}
