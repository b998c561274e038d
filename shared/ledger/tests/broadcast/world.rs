//! One log, its connections and its gateway, and what every case needs of them.

use std::collections::{BTreeMap, HashSet};
use std::future::{Future, pending};
use std::sync::Arc;

use bytes::Bytes;
use eventlog_ledger::broadcast::{Alarm, Until, run};
use eventlog_ledger::{Connection, ConnectionStore, EventStore, Filter, Seq, StoreError, Timestamp, now};
use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::{check_log, draft, within};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::gateway::Gateway;

pub(crate) struct World {
    _folder: TempDir,
    pub(crate) log: Events,
    pub(crate) connections: Connections,
    pub(crate) gateway: Gateway,
}

impl World {
    pub(crate) fn new(gateway: Gateway) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Events::open(folder.path(), Durability::Process).expect("a log");
        Self { _folder: folder, log, connections: Connections::open().expect("a store"), gateway }
    }

    pub(crate) async fn append(&self, events: usize) {
        append(&self.log, events).await;
    }

    /// Adds a connection that has just come.
    pub(crate) async fn join(&self, id: &str, position: Seq) {
        self.join_aged(id, position, 0).await;
    }

    pub(crate) async fn join_aged(&self, id: &str, position: Seq, seconds: i64) {
        let connected_at = Timestamp::from_millis(now().millis() - seconds * 1000).expect("a time");
        self.add(Connection { connected_at, ..connection(id, position) }).await;
    }

    pub(crate) async fn add(&self, connection: Connection) {
        self.connections.add(connection).await.expect("added");
    }

    /// The positions as they are stored.
    pub(crate) async fn positions(&self) -> BTreeMap<String, Seq> {
        let joined = self.connections.joined(None).await.expect("a look");
        joined.connections.into_iter().map(|connection| (connection.id, connection.position)).collect()
    }

    pub(crate) async fn position(&self, id: &str) -> Seq {
        self.positions().await[id]
    }

    /// One run, of an owner whom nothing wakes, until all is delivered.
    pub(crate) async fn catch_up(&self) {
        self.catch_up_on(&self.log, &self.connections).await.expect("a run");
    }

    pub(crate) async fn catch_up_on(
        &self,
        log: &impl EventStore,
        connections: &impl ConnectionStore,
    ) -> Result<(), StoreError> {
        within("a run", run(log, connections, &self.gateway, Deaf, Until::CaughtUp, pending())).await
    }

    /// One run that nothing but `stop` ends.
    pub(crate) async fn run_until(
        &self,
        alarm: impl Alarm,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), StoreError> {
        within("a run", run(&self.log, &self.connections, &self.gateway, alarm, Until::Stopped, stop)).await
    }

    /// Starts a run that hears of every append and goes on until it is stopped.
    pub(crate) async fn start(&self) -> Running {
        self.start_on(&self.log, &self.connections, self.log.alarm().await.expect("an alarm"))
    }

    pub(crate) fn start_on<L: EventStore, C: ConnectionStore>(
        &self,
        log: &L,
        connections: &C,
        alarm: impl Alarm + 'static,
    ) -> Running {
        let stop = Arc::new(Notify::new());
        let (log, connections, gateway) = (log.clone(), connections.clone(), self.gateway.clone());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            run(&log, &connections, &gateway, alarm, Until::Stopped, stopped.notified()).await
        });
        Running { task, stop }
    }

    /// The messages of the whole log.
    pub(crate) async fn messages(&self) -> Vec<Bytes> {
        check_log(&self.log).await.iter().map(|event| event.to_json().into()).collect()
    }

    /// Panics unless what the connection saw for the first time was the log from `position` on.
    pub(crate) async fn assert_first_deliveries(&self, id: &str, position: usize) {
        let mut seen = HashSet::new();
        let taken = self.gateway.taken(id).into_iter();
        let first: Vec<_> = taken.filter(|message| seen.insert(message.clone())).collect();
        assert_same(id, &first, &self.messages().await[position..]);
    }

    /// Panics unless the connection got the log from `position` on, and nothing twice.
    pub(crate) async fn assert_taken(&self, id: &str, position: usize) {
        assert_same(id, &self.gateway.taken(id), &self.messages().await[position..]);
    }
}

/// Names the first difference, not ten thousand messages.
pub(crate) fn assert_same(id: &str, taken: &[Bytes], expected: &[Bytes]) {
    let difference = taken.iter().zip(expected).position(|(taken, expected)| taken != expected);
    assert_eq!(difference, None, "{id}: the first message that should be another");
    assert_eq!(taken.len(), expected.len(), "{id}: the number of messages");
}

pub(crate) async fn append(log: &impl EventStore, events: usize) {
    let drafts: Vec<_> = (0..events).map(|_| draft("Test", "{}")).collect();
    for drafts in drafts.chunks(500) {
        log.append(drafts.to_vec()).await.expect("appended");
    }
}

/// One that has just come and wants everything.
pub(crate) fn connection(id: &str, position: Seq) -> Connection {
    Connection { id: id.into(), connected_at: now(), filter: Filter::default(), batch: false, position }
}

/// A run under way.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<Result<(), StoreError>>,
    stop: Arc<Notify>,
}

impl Running {
    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.notify_one();
        self.ends().await.expect("a run that was stopped");
    }

    /// Kills it; what it had in hand is lost, and its lease stays.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let ended = within("the end of what was killed", self.task).await;
        assert!(ended.expect_err("killed").is_cancelled());
    }

    /// How it ends by itself.
    pub(crate) async fn ends(self) -> Result<(), StoreError> {
        within("the end of a run", self.task).await.expect("no panic")
    }
}

/// An alarm that never rings.
pub(crate) struct Deaf;

impl Alarm for Deaf {
    fn ring(&mut self) -> impl Future<Output = ()> + Send {
        pending()
    }
}

/// An alarm that rings when the test does.
#[derive(Clone, Default)]
pub(crate) struct Bell(pub(crate) Arc<Notify>);

impl Alarm for Bell {
    async fn ring(&mut self) {
        self.0.notified().await;
    }
}
