//! A log that cannot be read for a moment.

use std::time::Duration;

use eventlog_ledger::{ConnectionStore, Lease, StoreError};

use crate::gateway::Gateway;
use crate::stores::{Fault, MeddledLog};
use crate::world::{Bell, World};

/// What an owner leaves behind who ended with an error: the lease is free.
async fn assert_released(world: &World) {
    let lease = world.connections.lease("next", Duration::from_secs(60)).await.expect("an answer");
    assert_ne!(lease, Lease::Refused);
    world.connections.release("next").await.expect("released");
}

async fn assert_goes_on_after(fault: Fault, stored: u64) {
    let world = World::new(Gateway::willing());
    world.append(700).await;
    world.join("far", 0).await;
    let log = MeddledLog::new(&world.log);
    log.fail(fault);
    let ended = world.catch_up_on(&log, &world.connections).await;
    assert!(matches!(ended, Err(StoreError::Unavailable(_))), "{ended:?}");
    assert_eq!(world.position("far").await, stored);
    assert_released(&world).await;
    world.catch_up_on(&log, &world.connections).await.expect("the next run");
    world.assert_taken("far", 0).await;
}

#[tokio::test]
async fn a_page_that_cannot_be_read_ends_the_run_and_the_next_goes_on_there() {
    assert_goes_on_after(Fault::Page(256), 256).await;
}

#[tokio::test]
async fn a_log_without_the_event_that_must_be_there_is_not_asked_for_ever() {
    assert_goes_on_after(Fault::Nothing(256), 256).await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_ends_the_run_and_the_next_goes_on_there() {
    assert_goes_on_after(Fault::Head, 0).await;
}

#[tokio::test]
async fn an_error_while_live_ends_the_run_and_the_next_goes_on_there() {
    let world = World::new(Gateway::willing());
    world.append(5).await;
    world.join("a", 0).await;
    let (log, bell) = (MeddledLog::new(&world.log), Bell::default());
    for fault in [Fault::Head, Fault::Page(7)] {
        let running = world.start_on(&log, &world.connections, bell.clone());
        let before = world.messages().await;
        world.gateway.has_taken("a", before.len()).await;
        world.append(2).await;
        log.fail(fault);
        bell.0.notify_one();
        let ended = running.ends().await;
        assert!(matches!(ended, Err(StoreError::Unavailable(_))), "{ended:?}");
        assert_eq!(world.position("a").await, before.len() as u64);
        assert_released(&world).await;
    }
    world.catch_up_on(&log, &world.connections).await.expect("the next run");
    world.assert_taken("a", 0).await;
}

/// One client that asks for old events must not end the run for all.
#[tokio::test]
async fn an_event_that_cannot_be_read_holds_up_only_who_replays_it() {
    let world = World::new(Gateway::willing());
    world.append(700).await;
    world.join("far", 0).await;
    world.join("live", 700).await;
    let (log, bell) = (MeddledLog::new(&world.log), Bell::default());
    log.fail(Fault::Corrupt(0));
    let running = world.start_on(&log, &world.connections, bell.clone());
    world.append(1).await;
    bell.0.notify_one();
    world.gateway.has_taken("live", 1).await;
    assert_eq!(world.gateway.tried("far"), 0);
    // It is tried again.
    world.gateway.has_taken("far", 701).await;
    running.stop().await;
    world.assert_taken("far", 0).await;
}
