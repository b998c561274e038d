//! The alarm that rings when the log has grown.

use eventlog_ledger::EventStore;
use eventlog_ledger::broadcast::Alarm;
use eventlog_simulation::{Settings, Simulation};
use eventlog_store_mongodb::{Database, Events};
use eventlog_testing::{draft, within};
use futures_util::FutureExt;

async fn log(simulation: &Simulation) -> Events {
    Events::new(&Database::open(&simulation.uri()).await.expect("a database"))
}

/// Who has looked at the log after a ring has seen all of it.
#[tokio::test]
async fn a_burst_rings_once() {
    let simulation = Simulation::start(Settings::default()).expect("a simulation");
    let log = log(&simulation).await;
    let mut alarm = log.alarm().await.expect("an alarm");
    for _ in 0..3 {
        log.append((0..50).map(|_| draft("burst", "{}")).collect::<Vec<_>>()).await.expect("appended");
        within("a ring", alarm.ring()).await;
        assert!(alarm.ring().now_or_never().is_none(), "once for all 50");
    }
}

#[tokio::test]
async fn it_rings_where_there_are_no_change_streams() {
    let settings = Settings { change_streams: false, ..Settings::default() };
    let simulation = Simulation::start(settings).expect("a simulation");
    let log = log(&simulation).await;
    let mut alarm = log.alarm().await.expect("an alarm");
    for _ in 0..3 {
        within("a ring", alarm.ring()).await;
    }
    assert_eq!((simulation.count("aggregate"), simulation.count("getMore")), (1, 0));
}
