//! What one connection gets, whatever it or another does.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::broadcast::PushError;
use eventlog_ledger::{ConnectionStore, EventStore};
use eventlog_testing::{draft, within};
use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::stores::MeddledConnections;
use crate::world::{Bell, Deaf, World, append, assert_same};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_gets_every_event_after_its_position_in_order_while_many_append() {
    let world = World::new(Gateway::willing());
    world.append(100).await;
    let positions = [("a", 0), ("b", 1), ("c", 60), ("d", 100), ("e", 100)];
    for (id, position) in positions {
        world.join(id, position).await;
    }
    let running = world.start().await;
    let appenders = (0..8).map(|_| {
        let log = world.log.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                append(&log, 1).await;
            }
        })
    });
    for appender in appenders.collect::<Vec<_>>() {
        within("an appender", appender).await.expect("no panic");
    }
    for (id, position) in positions {
        world.gateway.has_taken(id, 500 - position as usize).await;
    }
    running.stop().await;
    for (id, position) in positions {
        world.assert_taken(id, position as usize).await;
        assert_eq!(world.position(id).await, 500);
    }
}

#[tokio::test]
async fn one_that_joins_during_the_run_gets_what_comes_after_its_position() {
    let world = World::new(Gateway::willing());
    world.join("first", 0).await;
    let running = world.start().await;
    world.append(10).await;
    world.gateway.has_taken("first", 10).await;
    world.join("live", 10).await;
    world.join("replaying", 4).await;
    world.append(1).await;
    world.gateway.has_taken("live", 1).await;
    world.gateway.has_taken("replaying", 7).await;
    running.stop().await;
    for (id, position) in [("first", 0), ("live", 10), ("replaying", 4)] {
        world.assert_taken(id, position).await;
    }
}

#[tokio::test]
async fn what_an_alarm_rings_for_does_not_wait_for_the_heartbeat() {
    let world = World::new(Gateway::willing());
    world.join("a", 0).await;
    let running = world.start().await;
    let one_by_one = async {
        for expected in 1..=15 {
            world.append(1).await;
            world.gateway.has_taken("a", expected).await;
        }
    };
    // So many heartbeats take 30 s.
    tokio::time::timeout(Duration::from_secs(15), one_by_one).await.expect("sooner than at the heartbeats");
    running.stop().await;
}

#[tokio::test]
async fn what_nobody_rings_for_is_found_at_the_heartbeat() {
    let world = World::new(Gateway::willing());
    world.append(5).await;
    world.join("first", 0).await;
    let running = world.start_on(&world.log, &world.connections, Deaf);
    world.gateway.has_taken("first", 5).await;
    world.append(5).await;
    world.join("late", 2).await;
    world.gateway.has_taken("first", 10).await;
    world.gateway.has_taken("late", 8).await;
    running.stop().await;
    world.assert_taken("first", 0).await;
    world.assert_taken("late", 2).await;
}

#[tokio::test]
async fn one_that_joins_after_a_time_with_nobody_there_gets_what_comes_after_its_position() {
    let world = World::new(Gateway::willing());
    let bell = Bell::default();
    let running = world.start_on(&world.log, &world.connections, bell.clone());
    world.append(300).await;
    bell.0.notify_one();
    world.join("first", 290).await;
    bell.0.notify_one();
    world.gateway.has_taken("first", 10).await;
    running.stop().await;
    world.assert_taken("first", 290).await;
}

#[tokio::test]
async fn one_that_takes_nothing_delays_nobody() {
    let world = World::new(Gateway::new(|id, nth| {
        let stuck = id == "stuck" && nth == 2;
        async move { if stuck { pending().await } else { Ok(()) } }
    }));
    world.join("stuck", 0).await;
    world.join("other", 0).await;
    let running = world.start().await;
    world.append(1).await;
    world.gateway.has_taken("stuck", 1).await;
    for expected in 2..20 {
        world.append(1).await;
        world.gateway.has_taken("other", expected).await;
    }
    running.stop().await;
    world.assert_taken("other", 0).await;
    assert_eq!(world.gateway.taken("stuck").len(), 2);
    assert_eq!(world.position("other").await, 19);
    assert!(world.position("stuck").await <= 2, "what was not sent is still to be sent");
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_sent_until_it_is() {
    let world = World::new(Gateway::answering(|id, nth| match (id, nth) {
        ("throttled", 0 | 3..6 | 12) => Err(PushError::Unavailable("too many requests".into())),
        _ => Ok(()),
    }));
    world.append(10).await;
    world.join("throttled", 0).await;
    world.join("other", 0).await;
    world.catch_up().await;
    world.assert_taken("throttled", 0).await;
    world.assert_taken("other", 0).await;
    assert_eq!(world.gateway.tried("throttled"), 15);
}

#[tokio::test]
async fn a_message_that_is_refused_is_left_out_alone() {
    let world = World::new(Gateway::answering(|_, nth| match nth {
        2 => Err(PushError::Refused("too long".into())),
        _ => Ok(()),
    }));
    world.append(5).await;
    world.join("a", 0).await;
    world.catch_up().await;
    let mut messages = world.messages().await;
    messages.remove(2);
    assert_same("a", &world.gateway.taken("a"), &messages);
    assert_eq!(world.position("a").await, 5);
}

#[tokio::test]
async fn one_that_has_left_is_forgotten_at_once() {
    let (posting, left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begun, go_on) = (posting.clone(), left.clone());
    let world = World::new(Gateway::new(move |_, _| {
        let (begun, go_on) = (begun.clone(), go_on.clone());
        async move {
            begun.notify_one();
            go_on.notified().await;
            Err(PushError::Gone)
        }
    }));
    world.append(5).await;
    world.join("leaver", 0).await;
    let leave = async {
        posting.notified().await;
        world.connections.remove("leaver").await.expect("removed");
        left.notify_one();
    };
    tokio::join!(world.catch_up(), leave);
    assert_eq!(world.gateway.tried("leaver"), 1);
}

#[tokio::test]
async fn one_that_is_not_quite_there_is_tried_again() {
    let world = World::new(Gateway::answering(|_, nth| if nth < 3 { Err(PushError::Gone) } else { Ok(()) }));
    world.append(5).await;
    world.join("new", 0).await;
    world.join_aged("slow", 0, 20).await;
    world.catch_up().await;
    world.assert_taken("new", 0).await;
    world.assert_taken("slow", 0).await;
}

#[tokio::test]
async fn one_that_is_gone_and_old_is_removed() {
    let world =
        World::new(Gateway::answering(|id, _| if id == "gone" { Err(PushError::Gone) } else { Ok(()) }));
    world.append(5).await;
    world.join_aged("gone", 0, 31).await;
    world.join_aged("other", 0, 31).await;
    world.catch_up().await;
    assert_eq!(world.gateway.tried("gone"), 1);
    assert_eq!(world.positions().await, [("other".to_owned(), 5)].into());
    world.assert_taken("other", 0).await;
}

#[tokio::test]
async fn asking_the_store_about_one_delays_nobody() {
    let world =
        World::new(Gateway::answering(|id, _| if id == "gone" { Err(PushError::Gone) } else { Ok(()) }));
    let connections = MeddledConnections::never_says(&world.connections, "gone");
    world.join("gone", 0).await;
    world.join("other", 0).await;
    let running = world.start_on(&world.log, &connections, world.log.alarm().await.expect("an alarm"));
    world.append(1).await;
    within("a question", connections.asked.notified()).await;
    for expected in 2..10 {
        world.append(1).await;
        world.gateway.has_taken("other", expected).await;
    }
    running.stop().await;
    world.assert_taken("other", 0).await;
}

#[tokio::test]
async fn the_position_of_a_slow_one_is_stored_too() {
    let slow = Duration::from_millis(20);
    let world = World::new(Gateway::new(move |_, _| async move {
        tokio::time::sleep(slow).await;
        Ok(())
    }));
    world.append(250).await;
    world.join("slow", 0).await;
    let running = world.start().await;
    // About 3 s, where one delivery of all would take 5.
    world.gateway.has_taken("slow", 150).await;
    running.stop().await;
    let (position, taken) = (world.position("slow").await, world.gateway.taken("slow").len());
    assert!(position >= 20 && position <= taken as u64, "{position} is stored, {taken} were taken");
    world.catch_up().await;
    world.assert_first_deliveries("slow", 0).await;
}

#[tokio::test]
async fn the_longest_events_arrive_too() {
    let world = World::new(Gateway::willing());
    let payload = format!(r#"{{"long":"{}"}}"#, "x".repeat(119 * 1024));
    let drafts: Vec<_> = (0..50).map(|_| draft("Test", &payload)).collect();
    world.log.append(drafts).await.expect("appended");
    world.join("near", 5).await;
    world.join("also near", 45).await;
    world.catch_up().await;
    world.assert_taken("near", 5).await;
    world.assert_taken("also near", 45).await;
}
