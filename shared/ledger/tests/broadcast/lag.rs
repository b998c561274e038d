//! What a run tells the log of how far behind it is.

use std::future::pending;

use eventlog_ledger::broadcast::PushError;
use eventlog_ledger::now;
use eventlog_testing::capture_log;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::world::{Bell, World};

/// `connections` and `lagMillis` of each report, and everything else that must stand in one.
fn reports(log: &[Value]) -> Vec<(u64, u64)> {
    let reports = log.iter().filter(|line| line["fields"]["message"] == "broadcast");
    let number = |line: &Value, name: &str| line["fields"][name].as_u64().expect("a number");
    reports
        .map(|line| {
            assert_eq!(
                (&line["level"], line["fields"].as_object().map(|f| f.len())),
                (&"INFO".into(), Some(3))
            );
            (number(line, "connections"), number(line, "lagMillis"))
        })
        .collect()
}

#[tokio::test]
async fn a_run_that_has_caught_up_says_so() {
    let world = World::new(Gateway::willing());
    let ((), log) = capture_log(world.catch_up()).await;
    assert_eq!(reports(&log), [(0, 0)], "nobody waits");
    world.append(3).await;
    world.join("a", 1).await;
    world.join("b", 3).await;
    let ((), log) = capture_log(world.catch_up()).await;
    let reports = reports(&log);
    assert_eq!((reports.len(), reports[0].0, reports[1]), (2, 2, (2, 0)), "at its begin and at its end");
}

/// The age of the oldest event that somebody has yet to get.
#[tokio::test]
async fn a_run_says_for_how_long_somebody_waits() {
    let world = World::new(Gateway::answering(|id, _| match id {
        "stuck" => Err(PushError::Unavailable("no".into())),
        _ => Ok(()),
    }));
    let before = now().millis();
    // More than is kept in memory for all, so that the oldest is no longer there.
    world.append(600).await;
    world.join_aged("stuck", 0, 3600).await;
    world.join_aged("other", 600, 3600).await;
    let stop = async {
        // The second attempt comes after a pause of 100 ms.
        world.gateway.has_tried("stuck", 2).await;
    };
    let alarm = Bell::default();
    let (ended, log) = capture_log(world.run_until(alarm, stop)).await;
    ended.expect("a run");
    let (waited, reports) = (now().millis() - before, reports(&log));
    let (connections, lag) = *reports.last().expect("a report");
    assert_eq!(connections, 2);
    assert!((100..=waited.cast_unsigned()).contains(&lag), "{lag} ms, of {waited}");
}

/// What was logged before a connection came did not wait for it.
#[tokio::test]
async fn who_comes_late_has_not_waited() {
    let world = World::new(Gateway::new(|_, _| pending()));
    world.append(1).await;
    // In an hour.
    world.join_aged("late", 0, -3600).await;
    let stop = world.gateway.has_tried("late", 1);
    let (ended, log) = capture_log(world.run_until(Bell::default(), stop)).await;
    ended.expect("a run");
    assert_eq!(reports(&log), [(1, 0), (1, 0)]);
}
