//! On a simulated replica set: the contract of the stores, as fast as it can be and with a majority that takes its
//! time; and what only a simulation does on command.

mod on_server;
mod pending;

use std::sync::OnceLock;
use std::time::Duration;

use eventlog_ledger::{EventId, EventStore};
use eventlog_simulation::{Interruption, Settings, Simulation, StateChange};
use eventlog_store_mongodb::{Database, Events};
use eventlog_testing::contract::trials;
use eventlog_testing::{check_log, draft, trial, within};
use libtest_mimic::Trial;
use on_server::{OnServer, Server};

const ROUND_TRIP: Duration = Duration::from_micros(500);
const MAJORITY_DELAY: Duration = Duration::from_millis(2);

fn start(settings: Settings) -> Simulation {
    Simulation::start(settings).expect("a simulation")
}

fn delayed() -> Simulation {
    start(Settings { round_trip: ROUND_TRIP, majority_delay: MAJORITY_DELAY, ..Settings::default() })
}

struct AtOnce;

impl Server for AtOnce {
    fn uri() -> String {
        static SIMULATION: OnceLock<Simulation> = OnceLock::new();
        SIMULATION.get_or_init(|| start(Settings::default())).uri()
    }
}

struct Delayed;

impl Server for Delayed {
    fn uri() -> String {
        static SIMULATION: OnceLock<Simulation> = OnceLock::new();
        SIMULATION.get_or_init(delayed).uri()
    }
}

async fn events(simulation: &Simulation) -> Events {
    Events::new(&Database::open(&simulation.uri()).await.expect("a database"))
}

/// Six writers in three processes, `count` events each. Answers the events that were acknowledged.
async fn append_from_everywhere(simulation: &Simulation, count: usize) -> Vec<EventId> {
    let mut writers = Vec::new();
    for writer in 0..3 {
        let log = events(simulation).await;
        for _ in 0..2 {
            let log = log.clone();
            writers.push(tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..count {
                    let drafts = (0..1 + n % 3).map(|_| draft("simulated", &format!(r#"{{"by":{writer}}}"#)));
                    let answer = log.append(drafts.collect::<Vec<_>>()).await;
                    acknowledged.extend(answer.into_iter().flatten().map(|event| event.id));
                }
                acknowledged
            }));
        }
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(within("a writer", writer).await.expect("a writer"));
    }
    acknowledged
}

/// The log is one chain with all of these events, as soon as majority reads show them.
async fn check_has(log: &Events, acknowledged: &[EventId]) {
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stored: Vec<_> = check_log(log).await.into_iter().map(|event| event.id).collect();
    let lost = acknowledged.iter().filter(|id| !stored.contains(id)).count();
    assert_eq!(lost, 0, "of {} acknowledged, {} are stored", acknowledged.len(), stored.len());
}

/// Even more than the documented promise of a primary, which shows at once what it has acknowledged.
async fn majority_reads_that_lag_fork_nothing() {
    let read_lag = Duration::from_millis(5);
    let simulation = start(Settings {
        round_trip: ROUND_TRIP,
        majority_delay: MAJORITY_DELAY,
        read_lag,
        ..Settings::default()
    });
    let acknowledged = append_from_everywhere(&simulation, 10).await;
    assert_eq!(acknowledged.len(), 6 * (1 + 2 + 3) * 3 + 6);
    check_has(&events(&simulation).await, &acknowledged).await;
}

async fn no_fail_over_loses_what_was_acknowledged(interruption: Interruption) {
    let simulation = start(Settings {
        round_trip: ROUND_TRIP,
        majority_delay: 3 * MAJORITY_DELAY,
        election: Duration::from_millis(30),
        interruption,
        ..Settings::default()
    });
    let log = events(&simulation).await;
    let mut rolled_back = 0;
    let fail_overs = async {
        loop {
            // As soon as somebody writes again: the driver pauses for half a second after each crash.
            while simulation.uncommitted().expect("a number") == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            rolled_back += simulation.fail_over().expect("failed over");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let acknowledged = tokio::select! {
        acknowledged = append_from_everywhere(&simulation, 40) => acknowledged,
        () = fail_overs => unreachable!("there is no end to them"),
    };
    assert!(rolled_back > 0, "nothing was interrupted");
    check_has(&log, &acknowledged).await;
}

async fn an_append_alone_takes_one_round_trip() {
    let simulation = start(Settings::default());
    let log = events(&simulation).await;
    log.append(vec![draft("first", "{}")]).await.expect("an append");
    simulation.reset_counts();
    for _ in 0..10 {
        log.append(vec![draft("next", "{}")]).await.expect("an append");
    }
    let mut counts = simulation.counts();
    for monitoring in ["hello", "isMaster"] {
        counts.remove(monitoring);
    }
    // Beside every fourth insert, not after it, a look at whether others wait.
    let looks = counts.remove("find").unwrap_or_default();
    assert!(looks <= 3, "{looks}");
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("insert".to_owned(), 10)]);
}

fn main() {
    let kind = |trials: Vec<Trial>, kind| trials.into_iter().map(move |trial| trial.with_kind(kind));
    let at_once = kind(trials::<OnServer<AtOnce>>(), "at once");
    // Positions are written with `w: 1`, and majority reads show them only later: the case would be a race.
    let delayed = trials::<OnServer<Delayed>>();
    let delayed = delayed.into_iter().filter(|trial| trial.name() != "position_never_moves_back").collect();
    let delayed = kind(delayed, "delayed");
    let fail_over =
        |name, interruption| trial(name, move || no_fail_over_loses_what_was_acknowledged(interruption));
    let stepped_down = StateChange::PrimarySteppedDown;
    let simulated = vec![
        trial("majority_reads_that_lag_fork_nothing", majority_reads_that_lag_fork_nothing),
        trial("an_append_alone_takes_one_round_trip", an_append_alone_takes_one_round_trip),
        fail_over("a_crash_loses_nothing", Interruption::Disconnect),
        fail_over("a_step_down_loses_nothing", Interruption::WriteConcernError(stepped_down)),
        fail_over("an_interruption_loses_nothing", Interruption::CommandError(stepped_down)),
    ];
    let pending = kind(pending::trials(), "simulated");
    let all = at_once.chain(delayed).chain(kind(simulated, "simulated")).chain(pending).collect();
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), all).exit();
}
