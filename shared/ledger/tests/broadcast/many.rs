//! Many events, many connections: who waits for whom, and how often the log is read.

use std::sync::Arc;

use eventlog_ledger::EventStore;
use eventlog_testing::draft;
use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::stores::MeddledLog;
use crate::world::{Bell, World, assert_same};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_far_behind_catches_up_while_others_stay_live() {
    const HALF_WAY: usize = 5000;
    let resume = Arc::new(Notify::new());
    let go_on = resume.clone();
    let world = World::new(Gateway::new(move |id, nth| {
        let hold = (id == "far" && nth == HALF_WAY).then(|| go_on.clone());
        async move {
            if let Some(go_on) = hold {
                go_on.notified().await;
            }
            Ok(())
        }
    }));
    world.append(10_000).await;
    world.join("far", 0).await;
    world.join("live", 10_000).await;
    let running = world.start().await;
    for expected in 1..10 {
        world.append(1).await;
        world.gateway.has_taken("live", expected).await;
    }
    world.gateway.has_tried("far", HALF_WAY + 1).await;
    for expected in 10..20 {
        world.append(1).await;
        world.gateway.has_taken("live", expected).await;
    }
    resume.notify_one();
    world.gateway.has_taken("far", 10_019).await;
    running.stop().await;
    world.assert_taken("far", 0).await;
    world.assert_taken("live", 10_000).await;
}

#[tokio::test]
async fn a_new_event_is_read_once_for_all() {
    let world = World::new(Gateway::willing());
    world.append(300).await;
    for nth in 0..50 {
        world.join(&format!("connection {nth}"), 300 - nth as u64 % 5).await;
    }
    let log = MeddledLog::new(&world.log);
    world.append(1).await;
    world.catch_up_on(&log, &world.connections).await.expect("a run");
    let messages = world.messages().await;
    for nth in 0..50 {
        let id = format!("connection {nth}");
        assert_same(&id, &world.gateway.taken(&id), &messages[300 - nth % 5..]);
    }
    assert_eq!(log.pages(), 1);
}

#[tokio::test]
async fn a_burst_is_read_once_for_all() {
    let world = World::new(Gateway::willing());
    for nth in 0..20 {
        world.join(&format!("connection {nth}"), 0).await;
    }
    let (log, bell) = (MeddledLog::new(&world.log), Bell::default());
    let running = world.start_on(&log, &world.connections, bell.clone());
    // 6 MB: more than is kept in memory.
    let payload = format!(r#"{{"long":"{}"}}"#, "x".repeat(8000));
    world.log.append((0..750).map(|_| draft("Test", &payload)).collect::<Vec<_>>()).await.expect("appended");
    bell.0.notify_one();
    for nth in 0..20 {
        world.gateway.has_taken(&format!("connection {nth}"), 750).await;
    }
    running.stop().await;
    let messages = world.messages().await;
    for nth in 0..20 {
        let id = format!("connection {nth}");
        assert_same(&id, &world.gateway.taken(&id), &messages);
    }
    assert!(log.pages() < 60, "{} pages were read, each holds 15 events", log.pages());
}
