//! What a broadcaster remembers from one run to the next.

use std::future::pending;

use eventlog_ledger::ConnectionStore;
use eventlog_ledger::broadcast::{Broadcaster, PushError, Until};
use eventlog_testing::within;

use crate::gateway::Gateway;
use crate::stores::{Lease, MeddledConnections, MeddledLog};
use crate::world::{Deaf, World};

type Own = Broadcaster<MeddledLog, MeddledConnections, Gateway>;

/// A broadcaster of one instance, and the stores it looks at.
fn instance(world: &World) -> (Own, MeddledLog, MeddledConnections) {
    let (log, connections) = (MeddledLog::new(&world.log), MeddledConnections::honest(&world.connections));
    (Broadcaster::new(log.clone(), connections.clone(), world.gateway.clone()), log, connections)
}

async fn run(broadcaster: &mut Own) {
    within("a run", broadcaster.run(Deaf, Until::CaughtUp, pending())).await.expect("a run");
}

#[tokio::test]
async fn who_served_last_needs_to_be_told_nothing_that_it_knows() {
    let world = World::new(Gateway::willing());
    for nth in 0..100 {
        world.join(&format!("connection {nth}"), 0).await;
    }
    let (mut broadcaster, log, connections) = instance(&world);
    for round in 1..=5 {
        world.append(1).await;
        run(&mut broadcaster).await;
        assert_eq!(
            (log.pages(), connections.looks_at_all()),
            (round, 1),
            "events and connections, round {round}"
        );
    }
    world.join("late", 3).await;
    run(&mut broadcaster).await;
    assert_eq!(connections.looks_at_all(), 1);
    world.assert_taken("connection 7", 0).await;
    world.assert_taken("late", 3).await;
}

#[tokio::test]
async fn who_served_before_somebody_else_begins_anew() {
    let world = World::new(Gateway::willing());
    world.join("a", 0).await;
    let ((mut one, _, looks), (mut other, _, _)) = (instance(&world), instance(&world));
    for _ in 0..3 {
        world.append(2).await;
        run(&mut one).await;
        world.append(2).await;
        run(&mut other).await;
    }
    assert_eq!(looks.looks_at_all(), 3);
    world.assert_taken("a", 0).await;
}

/// What was cut off may have arrived or not.
#[tokio::test]
async fn of_a_run_that_failed_nothing_is_remembered() {
    let world = World::new(Gateway::willing());
    world.join("a", 0).await;
    let (mut broadcaster, log, connections) = instance(&world);
    world.append(1).await;
    run(&mut broadcaster).await;
    log.fail(crate::stores::Fault::Head);
    within("a run", broadcaster.run(Deaf, Until::CaughtUp, pending()))
        .await
        .expect_err("it was told to fail");
    world.append(1).await;
    run(&mut broadcaster).await;
    assert_eq!(connections.looks_at_all(), 2);
    world.assert_taken("a", 0).await;
}

#[tokio::test]
async fn one_that_was_cut_off_is_not_forgotten() {
    let world = World::new(Gateway::new(|id, nth| {
        let stuck = id == "stuck" && nth == 1;
        async move { if stuck { pending().await } else { Ok(()) } }
    }));
    world.append(3).await;
    world.join("stuck", 0).await;
    let (mut broadcaster, ..) = instance(&world);
    let stop = world.gateway.has_tried("stuck", 2);
    within("a run", broadcaster.run(Deaf, Until::Stopped, stop)).await.expect("a run");
    run(&mut broadcaster).await;
    world.assert_first_deliveries("stuck", 0).await;
}

/// Its owner has not been told, and finds out by sending.
#[tokio::test]
async fn one_that_left_between_two_runs_is_forgotten() {
    let world = World::new(Gateway::answering(|id, nth| match (id, nth) {
        ("leaver", 1..) => Err(PushError::Gone),
        _ => Ok(()),
    }));
    world.append(1).await;
    world.join("leaver", 0).await;
    world.join("other", 0).await;
    let (mut broadcaster, ..) = instance(&world);
    run(&mut broadcaster).await;
    world.connections.remove("leaver").await.expect("removed");
    for _ in 0..3 {
        world.append(1).await;
        run(&mut broadcaster).await;
    }
    assert_eq!(world.gateway.tried("leaver"), 2);
    world.assert_taken("other", 0).await;
}

/// Somebody may have served meanwhile, whatever the store says of the lease afterwards.
#[tokio::test]
async fn who_lost_the_lease_begins_anew() {
    let world =
        World::new(Gateway::new(|_, nth| async move { if nth == 1 { pending().await } else { Ok(()) } }));
    world.append(3).await;
    world.join("a", 0).await;
    let connections = MeddledConnections::with_lease(&world.connections, Lease::RefusedAt(1));
    let log = MeddledLog::new(&world.log);
    let mut broadcaster = Broadcaster::new(log, connections.clone(), world.gateway.clone());
    run(&mut broadcaster).await;
    world.assert_first_deliveries("a", 0).await;
    assert_eq!(connections.looks_at_all(), 2);
}

/// Its connection is in nobody's hands any more, and must still be known.
#[tokio::test]
async fn one_whose_read_fails_while_its_owner_stops_is_not_forgotten() {
    let world = World::new(Gateway::willing());
    world.append(700).await;
    world.join("far", 0).await;
    world.join("near", 700).await;
    let (mut broadcaster, log, _) = instance(&world);
    log.fail(crate::stores::Fault::Late(0));
    let (reading, fail_now) = (log.reading.clone(), log.fail_now.clone());
    let stop = async move {
        reading.notified().await;
        fail_now.notify_one();
    };
    within("a run", broadcaster.run(Deaf, Until::Stopped, stop)).await.expect("a run");
    for _ in 0..3 {
        world.append(1).await;
        run(&mut broadcaster).await;
    }
    world.assert_taken("far", 0).await;
    world.assert_taken("near", 700).await;
}
