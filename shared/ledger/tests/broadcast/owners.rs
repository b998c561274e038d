//! Those who broadcast: when they end, how they die, and what happens when there are two.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use eventlog_ledger::{ConnectionStore, EventStore, Lease};
use eventlog_testing::within;
use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::stores::{self, MeddledConnections};
use crate::world::{Deaf, World, append, connection};

const MINUTE: Duration = Duration::from_secs(60);

async fn leased(world: &World, owner: &str) -> bool {
    world.connections.lease(owner, MINUTE).await.expect("an answer") != Lease::Refused
}

#[tokio::test]
async fn a_run_ends_when_all_is_delivered_and_the_next_repeats_nothing() {
    let world = World::new(Gateway::willing());
    world.append(600).await;
    for (id, position) in [("far", 0), ("near", 590), ("there", 600)] {
        world.join(id, position).await;
    }
    world.catch_up().await;
    assert!(
        world.positions().await.values().all(|position| *position == 600),
        "{:?}",
        world.positions().await
    );
    world.catch_up().await;
    world.append(1).await;
    world.catch_up().await;
    for (id, position) in [("far", 0), ("near", 590), ("there", 600)] {
        world.assert_taken(id, position).await;
    }
}

#[tokio::test]
async fn a_run_ends_where_nobody_is_connected() {
    let world = World::new(Gateway::willing());
    world.catch_up().await;
    world.append(10).await;
    world.catch_up().await;
}

#[tokio::test]
async fn a_run_leaves_at_once_where_somebody_else_serves() {
    let world = World::new(Gateway::willing());
    world.append(5).await;
    world.join("a", 0).await;
    assert!(leased(&world, "somebody").await);
    world.catch_up().await;
    assert_eq!(world.gateway.tried("a"), 0);
    assert!(!leased(&world, "another").await, "still somebody's");
    world.connections.release("somebody").await.expect("released");
    world.catch_up().await;
    world.assert_taken("a", 0).await;
}

#[tokio::test]
async fn one_who_waits_for_the_lease_gets_it_once_it_is_free() {
    let world = World::new(Gateway::willing());
    world.append(5).await;
    world.join("a", 0).await;
    let connections = MeddledConnections::with_lease(&world.connections, stores::Lease::RefusedAt(0));
    let running = world.start_on(&world.log, &connections, Deaf);
    world.gateway.has_taken("a", 5).await;
    running.stop().await;
    world.assert_taken("a", 0).await;
}

#[tokio::test]
async fn one_who_waits_for_the_lease_can_be_stopped() {
    let world = World::new(Gateway::willing());
    assert!(leased(&world, "somebody").await);
    world.start_on(&world.log, &world.connections, Deaf).stop().await;
}

/// The worst moment: the owner has looked for the last time and still holds the lease, so whom the event wakes
/// finds it taken and leaves.
#[tokio::test]
async fn an_event_that_comes_just_before_the_release_is_delivered() {
    let world = World::new(Gateway::willing());
    world.append(1).await;
    world.join("a", 0).await;
    let (log, store) = (world.log.clone(), world.connections.clone());
    let connections = MeddledConnections::before_release(&world.connections, move || {
        let (log, store) = (log.clone(), store.clone());
        async move {
            append(&log, 1).await;
            let lease = store.lease("who was woken", MINUTE).await.expect("an answer");
            assert_eq!(lease, Lease::Refused);
        }
    });
    world.catch_up_on(&world.log, &connections).await.expect("a run");
    world.assert_taken("a", 0).await;
}

#[tokio::test]
async fn one_that_joins_just_before_the_release_is_served() {
    let world = World::new(Gateway::willing());
    world.append(10).await;
    world.join("a", 0).await;
    let store = world.connections.clone();
    let connections = MeddledConnections::before_release(&world.connections, move || {
        let store = store.clone();
        async move {
            store.add(connection("late", 4)).await.expect("added");
        }
    });
    world.catch_up_on(&world.log, &connections).await.expect("a run");
    world.assert_taken("a", 0).await;
    world.assert_taken("late", 4).await;
}

#[tokio::test]
async fn one_who_loses_the_lease_and_finds_it_free_goes_on() {
    // Long enough for the heartbeat to come by.
    let world =
        World::new(Gateway::new(|_, nth| async move { if nth == 1 { pending().await } else { Ok(()) } }));
    world.append(3).await;
    world.join("a", 0).await;
    let connections = MeddledConnections::with_lease(&world.connections, stores::Lease::RefusedAt(1));
    world.catch_up_on(&world.log, &connections).await.expect("a run");
    world.assert_first_deliveries("a", 0).await;
    assert_eq!(world.position("a").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_over_and_over_owners_leave_no_hole() {
    let world = World::new(Gateway::willing());
    world.join("a", 0).await;
    world.join("b", 0).await;
    let connections = MeddledConnections::with_lease(&world.connections, stores::Lease::Lapsing);
    let (log, enough) = (world.log.clone(), Arc::new(AtomicBool::new(false)));
    let stop = enough.clone();
    let appender = tokio::spawn(async move {
        while !stop.load(SeqCst) {
            append(&log, 3).await;
        }
    });
    for round in 0..60 {
        let alarm = world.log.alarm().await.expect("an alarm");
        let running = world.start_on(&world.log, &connections, alarm);
        let posts = world.gateway.tried("a") + 1 + round * 37 % 101;
        world.gateway.has_tried("a", posts).await;
        // One that is stopped stores the positions, so that not each starts from the same place.
        if round % 4 == 3 { running.stop().await } else { running.kill().await }
    }
    enough.store(true, SeqCst);
    within("the appender", appender).await.expect("no panic");
    world.catch_up_on(&world.log, &connections).await.expect("a run");
    for id in ["a", "b"] {
        world.assert_first_deliveries(id, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_repeat_events_and_neither_lose_nor_mix_them() {
    let (hold, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (held, go_on) = (hold.clone(), release.clone());
    // The first post of all is overtaken by the other owner.
    let world = World::new(Gateway::new(move |id, nth| {
        let hold = (id == "a" && nth == 0).then(|| (held.clone(), go_on.clone()));
        async move {
            if let Some((held, go_on)) = hold {
                held.notify_one();
                go_on.notified().await;
            }
            Ok(())
        }
    }));
    world.append(50).await;
    world.join("a", 0).await;
    world.join("b", 0).await;
    let connections = MeddledConnections::with_lease(&world.connections, stores::Lease::Free);
    let one = world.start_on(&world.log, &connections, world.log.alarm().await.expect("an alarm"));
    hold.notified().await;
    let two = world.start_on(&world.log, &connections, world.log.alarm().await.expect("an alarm"));
    world.gateway.has_taken("a", 50).await;
    release.notify_one();
    for _ in 0..50 {
        world.append(3).await;
    }
    let last = world.messages().await.pop().expect("an event");
    for id in ["a", "b"] {
        world.gateway.has_got(id, &last).await;
    }
    one.stop().await;
    two.stop().await;
    for id in ["a", "b"] {
        world.assert_first_deliveries(id, 0).await;
    }
    assert!(world.gateway.taken("a").len() > 200, "both have delivered");
}

/// It would be sent once more by the next owner, each time that one schedule's run takes over from another's.
#[tokio::test]
async fn a_post_under_way_ends_before_its_owner_does() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begin, resume) = (begun.clone(), go_on.clone());
    let world = World::new(Gateway::new(move |_, nth| {
        let hold = (nth == 1).then(|| (begin.clone(), resume.clone()));
        async move {
            if let Some((begun, go_on)) = hold {
                begun.notify_one();
                go_on.notified().await;
            }
            Ok(())
        }
    }));
    world.append(3).await;
    world.join("a", 0).await;
    let running = world.start().await;
    begun.notified().await;
    let resume = async {
        // Time enough for the owner to hear of its end.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        go_on.notify_one();
    };
    tokio::join!(running.stop(), resume);
    assert_eq!(world.position("a").await, 2, "nothing new was begun");
    world.catch_up().await;
    world.assert_taken("a", 0).await;
}

/// As when the next run of a schedule starts before the last one has ended.
#[tokio::test]
async fn an_owner_that_ends_hands_over_to_the_one_that_waits() {
    let world = World::new(Gateway::willing());
    world.join("a", 0).await;
    world.join("b", 0).await;
    let mut owner = world.start().await;
    for round in 1..=3 {
        let next = world.start().await;
        world.append(20).await;
        world.gateway.has_taken("a", round * 40 - 20).await;
        owner.stop().await;
        world.append(20).await;
        world.gateway.has_taken("a", round * 40).await;
        world.gateway.has_taken("b", round * 40).await;
        owner = next;
    }
    owner.stop().await;
    for id in ["a", "b"] {
        world.assert_taken(id, 0).await;
    }
}
