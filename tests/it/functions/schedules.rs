//! The broadcaster, woken by a schedule. On simulated replica sets, with and without change streams.

use std::time::Duration;

use eventlog_simulation::{Settings, Simulation};
use eventlog_testing::{Lambda, fixture, trial, within};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::deployment::{Deployment, check_log, invoke, lines, log};
use super::gateway::Gateway;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_on_a_schedule_hand_over_to_each_other", hand_over),
        trial("functions_on_a_schedule_take_over_from_one_that_was_killed", take_over),
        trial("functions_on_a_schedule_poll_where_there_are_no_change_streams", no_change_streams),
        trial("functions_on_a_schedule_sweep_up_what_a_lost_trigger_left", sweep),
        trial("functions_report_how_far_behind_they_are", lag),
    ]
}

struct World {
    simulation: Simulation,
    gateway: Gateway,
    deployment: Deployment,
    create: Lambda,
}

impl World {
    async fn start(settings: Settings, mode: &str, takes: usize) -> Self {
        let simulation = Simulation::start(settings).expect("a simulation");
        let gateway = Gateway::start(takes).await;
        let deployment = Deployment::on(&simulation.uri())
            .with("WEBSOCKET_ENDPOINT", gateway.url())
            .with("BROADCAST_MODE", mode);
        let create = deployment.deploy("create-event");
        let connected = invoke(&deployment.deploy("connect"), &fixture("websocket-connect")).await;
        assert_eq!(connected.expect("an answer").status, 200);
        Self { simulation, gateway, deployment, create }
    }

    /// Logs so many events and waits until so many messages were taken altogether.
    async fn told(&mut self, events: usize, altogether: usize) {
        for n in 0..events {
            log(&self.create, "live", &format!(r#"{{"n":{n}}}"#)).await;
        }
        let taken = self.gateway.taken.wait_for(|taken| *taken >= altogether);
        within("messages", taken).await.expect("an endpoint");
    }

    /// A run that ends 3 s before its time is over.
    fn run(&self, time: Duration) -> (Lambda, JoinHandle<()>) {
        let broadcast = self.deployment.function("broadcast").timeout(time).deploy();
        let lambda = broadcast.clone();
        let run = tokio::spawn(async move {
            let answer = within("a run", lambda.invoke(schedule().to_string().as_bytes())).await;
            assert_eq!(answer.expect("an answer"), b"null");
        });
        (broadcast, run)
    }

    /// Waits until the connection was sent the whole log; panics unless in order. Answers how many messages it took.
    async fn check(&mut self) -> usize {
        let log = check_log(&self.deployment.deploy("list-events")).await;
        let gateway = &self.gateway;
        let all = |_: &usize| gateway.received("L0SM9cOFvHcCIhw%3D", &log).len() == log.len();
        *within("the whole log", gateway.taken.clone().wait_for(all)).await.expect("an endpoint")
    }
}

/// What EventBridge Scheduler sends where nothing else is said.
fn schedule() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2024-11-24T22:04:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:scheduler:eu-central-1:123456789012:schedule/default/broadcast"],
        "detail": "{}"
    })
}

/// Each run starts while the one before it still serves. What is logged after that one's end needs no wake-up.
async fn hand_over() {
    let mut world = World::start(Settings::default(), "polling", Semaphore::MAX_PERMITS).await;
    let (_first, mut serving) = world.run(Duration::from_secs(5));
    world.told(1, 1).await;
    for round in 0..3 {
        let (_next, waiting) = world.run(Duration::from_secs(if round == 2 { 12 } else { 8 }));
        world.told(5, 10 * round + 6).await;
        serving.await.expect("a run");
        assert!(!waiting.is_finished(), "the next one is there already");
        world.told(5, 10 * round + 11).await;
        serving = waiting;
    }
    serving.await.expect("a run");
    // Nothing twice either: an owner that ends lets its posts end.
    assert_eq!(world.check().await, 31);
    assert!(world.simulation.count("getMore") > 0, "by change streams");
}

/// The lease of who was killed must lapse first.
async fn take_over() {
    let mut world = World::start(Settings::default(), "polling", 5).await;
    for n in 0..30 {
        log(&world.create, "many", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let doomed = world.deployment.deploy("broadcast");
    let killed = tokio::spawn({
        let doomed = doomed.clone();
        async move { doomed.invoke(b"{}").await }
    });
    world.told(0, 5).await;
    let (_heir, run) = world.run(Duration::from_secs(30));
    doomed.instances()[0].kill().await;
    killed.await.expect("no panic").expect_err("it was killed");
    world.gateway.takes.add_permits(1000);
    world.told(5, 35).await;
    let taken = world.check().await;
    run.abort();
    assert!(taken < 60, "{taken} messages for 35 events: only some are repeated");
}

async fn no_change_streams() {
    let settings = Settings { change_streams: false, ..Settings::default() };
    let mut world = World::start(settings, "polling", Semaphore::MAX_PERMITS).await;
    let (broadcast, run) = world.run(Duration::from_secs(8));
    for told in 1..=5 {
        world.told(1, told).await;
    }
    run.await.expect("a run");
    assert_eq!(world.check().await, 5);
    let log = broadcast.instances()[0].log();
    assert!(log.contains("no change stream, polling"), "{log}");
    assert_eq!(world.simulation.count("getMore"), 0);
}

/// In the trigger's mode.
async fn sweep() {
    let mut world = World::start(Settings::default(), "trigger", Semaphore::MAX_PERMITS).await;
    for n in 0..3 {
        log(&world.create, "unnoticed", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let (_sweeper, run) = world.run(Duration::from_secs(30));
    world.told(0, 3).await;
    run.await.expect("a run that ends by itself");
    assert_eq!(world.check().await, 3);
}

/// The line that the metric filter of the deployment reads: `$.fields.message`, `$.fields.connections`,
/// `$.fields.lagMillis`.
async fn lag() {
    let mut world = World::start(Settings::default(), "trigger", 1).await;
    world.told(3, 0).await;
    let (broadcast, run) = world.run(Duration::from_secs(30));
    world.told(0, 1).await;
    world.gateway.takes.add_permits(2);
    world.told(0, 3).await;
    run.await.expect("a run");
    let lines = lines(&broadcast.instances()[0].log());
    let reports: Vec<_> = lines.iter().filter(|line| line["fields"]["message"] == "broadcast").collect();
    let [first, .., last] = &reports[..] else { panic!("at its begin and at its end: {lines:?}") };
    for line in &reports {
        assert_eq!((&line["level"], &line["fields"]["connections"]), (&"INFO".into(), &1.into()), "{line}");
        assert!(line["timestamp"].is_string() && line["span"]["requestId"].is_string(), "{line}");
    }
    assert!(first["fields"]["lagMillis"].as_u64().is_some_and(|lag| lag > 0), "{first}");
    assert_eq!(last["fields"]["lagMillis"], 0, "{last}");
}
