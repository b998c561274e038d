//! One scenario, from an empty store until everybody has everything.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use eventlog_broadcast::WakeUp;
use eventlog_lambda::Mode;
use eventlog_ledger::{ConnectionStore, Draft, EventStore, NewEvent, Seq, new_id};
use eventlog_store_sqlite::{Connections, Durability, Events};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use super::clients::{Clients, Crowd, source};
use super::figures::{Figures, Lag, over_time};
use super::gateway::Gateway;
use super::lambda::{Fleet, Lambda};
use super::scenarios::Scenario;
use super::settings::Settings;
use super::store::{Counts, Far};

/// From the first run until the first event: cold starts are over, and all connections are known.
const WARM_UP: Duration = Duration::from_secs(2);
/// After so long without an end something hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// An event has some 330 bytes, as in the other benchmarks.
const FILLING: &str = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz";

struct World {
    scenario: Scenario,
    log: Events,
    sockets: Connections,
    clients: Arc<Clients>,
    lambda: Arc<Lambda>,
    counts: Arc<Counts>,
}

/// Runs it. An error: what must never happen has happened.
pub(crate) async fn run(scenario: Scenario, settings: Settings) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let settings = Settings { others: scenario.others.unwrap_or(settings.others), ..settings };
    let world = World::new(scenario, settings, folder.path()).await?;
    let mut beside = JoinSet::new();
    beside.spawn(schedule(world.lambda.clone(), scenario.every));
    beside.spawn(others(world.lambda.gateway.clone(), settings.others));
    sleep(WARM_UP).await;
    let measured = world.measure().await;
    beside.shutdown().await;
    let failures = world.lambda.stop().await;
    ensure!(failures.is_empty(), "{}: runs failed: {failures:?}", scenario.name);
    measured.context(scenario.name)
}

/// The schedule starts a run every so often.
async fn schedule(lambda: Arc<Lambda>, every: Duration) {
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        lambda.invoke(WakeUp::Look);
    }
}

/// What else the account does.
async fn others(gateway: Arc<Gateway>, per_second: u32) {
    let (start, mut done) = (Instant::now(), 0);
    let mut ticks = interval(Duration::from_millis(2));
    loop {
        ticks.tick().await;
        let due = (start.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
        (done..due).for_each(|_| gateway.other());
        done = due;
    }
}

impl World {
    async fn new(scenario: Scenario, settings: Settings, folder: &Path) -> Result<Self> {
        let log = Events::open(folder, Durability::Process)?;
        let length = scenario.crowds.iter().map(|crowd| crowd.behind).max().unwrap_or(0);
        for start in (0..length).step_by(500) {
            let drafts = (start..length.min(start + 500)).map(|n| draft(&scenario, n));
            log.append(drafts.collect::<Result<Vec<_>>>()?).await?;
        }
        let (clients, counts) = (Arc::new(Clients::new(scenario.crowds, length)), Arc::default());
        let sockets = Connections::open()?;
        let lambda = Lambda {
            log: Far::new(log.clone(), settings.store, &counts),
            connections: Far::new(sockets.clone(), settings.store, &counts),
            gateway: Arc::new(Gateway::new(settings.gateway, clients.clone())),
            settings,
            mode: scenario.mode,
            timeout: scenario.timeout,
            fleet: Fleet::default(),
        };
        let world = Self { scenario, log, sockets, clients, lambda: Arc::new(lambda), counts };
        for (index, crowd) in scenario.crowds.iter().enumerate().filter(|(_, crowd)| crowd.comes.is_none()) {
            world.come(index, *crowd).await?;
        }
        Ok(world)
    }

    async fn come(&self, index: usize, crowd: Crowd) -> Result<()> {
        for connection in self.clients.arrive(index, crowd)? {
            self.sockets.add(connection).await?;
        }
        Ok(())
    }

    async fn measure(&self) -> Result<Figures> {
        let before = Totals::now(self);
        let start = Instant::now();
        let latecomers = async {
            for (index, crowd) in self.scenario.crowds.iter().enumerate() {
                if let Some(seconds) = crowd.comes {
                    sleep_until(start + Duration::from_secs(seconds)).await;
                    self.come(index, *crowd).await?;
                }
            }
            Ok(())
        };
        let (events, ()) = tokio::try_join!(self.load(start), latecomers)?;
        let settled = async {
            while self.clients.missing() > 0 {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let settled = timeout(PATIENCE, settled).await;
        let (deliveries, repeats, faults) = self.clients.result();
        ensure!(faults.is_empty(), "out of order: {:?}", faults.first());
        ensure!(settled.is_ok(), "{} messages are missing", self.clients.missing());
        let end = deliveries.iter().map(|delivery| delivery.arrived).max().context("no deliveries")?;
        let after = Totals::now(self);
        let seconds = (end - start).as_secs_f64();
        let first_crowd: Vec<_> = deliveries.into_iter().filter(|delivery| delivery.crowd == 0).collect();
        let total = |index: usize| after.0[index] - before.0[index];
        Ok(Figures {
            events,
            seconds,
            posts: total(0) as f64 / seconds,
            refused: total(1),
            others_refused: total(2),
            lag: Lag::of(&first_crowd),
            over_time: over_time(&first_crowd, start, end),
            runs: total(3),
            instances: self.lambda.fleet.instances.load(Ordering::Relaxed),
            repeats,
            commands: total(4) as f64 / seconds,
            pages: total(5) as f64 / events as f64,
            connections: total(6) as f64 / events as f64,
            positions: total(7) as f64 / events as f64,
        })
    }

    /// Appends the events, each a request to API Gateway. Answers how many.
    async fn load(&self, start: Instant) -> Result<usize> {
        let Scenario { bursts, at_once, pause, mode, .. } = self.scenario;
        for burst in 0..bursts {
            sleep_until(start + pause * burst as u32).await;
            let numbers = (0..at_once).map(|_| {
                self.lambda.gateway.other();
                self.clients.send()
            });
            let drafts: Vec<_> = numbers.map(|n| draft(&self.scenario, n)).collect::<Result<_>>()?;
            self.log.append(drafts).await?;
            if mode == Mode::Trigger {
                for _ in 0..at_once {
                    self.trigger();
                }
            }
        }
        Ok(bursts * at_once)
    }

    /// An Atlas trigger and EventBridge take their time.
    fn trigger(&self) {
        let lambda = self.lambda.clone();
        tokio::spawn(async move {
            sleep(lambda.settings.trigger).await;
            lambda.invoke(WakeUp::Look);
        });
    }
}

fn draft(scenario: &Scenario, number: Seq) -> Result<Draft> {
    let sources = scenario.crowds.iter().map(|crowd| crowd.sources).max().unwrap_or(0);
    let source = source(number, sources);
    let event = format!(
        r#"{{"eventType":"Measured","sourceAppId":"{source}","dataPayload":{{"n":{number},"text":"{FILLING}"}}}}"#
    );
    Ok(NewEvent::parse(&event)?.into_draft(new_id()))
}

/// Counts at some time.
struct Totals([u64; 8]);

impl Totals {
    fn now(World { lambda, counts, .. }: &World) -> Self {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let gateway = &lambda.gateway.counts;
        Self([
            read(&gateway.posts),
            read(&gateway.refused),
            read(&gateway.others_refused),
            read(&lambda.fleet.started),
            read(&counts.commands),
            read(&counts.pages),
            read(&counts.connections),
            read(&counts.positions),
        ])
    }
}
