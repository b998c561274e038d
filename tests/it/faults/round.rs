//! One round: writers, blows, and the account of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use eventlog_testing::{Lambda, Random, within};
use tokio::task::JoinSet;

use super::posts::Posts;
use super::stage::Stage;
use super::tally::{self, Tally};
use crate::functions::deployment::{Deployment, check_log};

/// How much happens in a round.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// At most. With few, most appends are those of one who is alone; with many, of one of many.
    pub(super) writers: u64,
    /// Of writers.
    pub(super) kills: u64,
    /// To the server.
    pub(super) blows: u64,
    /// Up to so many commands reach the server between one and the next: the clock is what is done, not the time.
    pub(super) pause: u64,
}

/// Says which round it was if it fails.
struct Name(&'static str, u64);

impl Drop for Name {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a round on {} failed: EVENTLOG_FAULT_SEED={}", self.0, self.1);
        }
    }
}

pub(super) async fn run(mut stage: Stage, plan: Plan, seed: u64, mut random: Random) -> Tally {
    let _name = Name(stage.name, seed);
    let since = Instant::now();
    let deployment = Deployment::on(&stage.uri);
    let create = deployment.deploy("create-event");
    let posts = Arc::new(Posts::default());
    if stage.begins_calm() {
        within("a first event", posts.write(&create, plan.writers)).await;
    }
    posts.is_calm.store(false, Ordering::Release);
    let mut writers = JoinSet::new();
    for writer in 0..2 + random.below(plan.writers - 1) {
        let (posts, create) = (posts.clone(), create.clone());
        writers.spawn(async move { posts.write(&create, writer).await });
    }

    let mut tally = Tally { rounds: 1, ..Tally::default() };
    stage.begin(super::kills_asked_for().is_some());
    while tally.kills < plan.kills || tally.blows() < plan.blows {
        let (kills, blows) = (plan.kills.saturating_sub(tally.kills), plan.blows - tally.blows());
        within("commands", stage.breaker.wait_for_commands(1 + random.below(plan.pause))).await;
        if random.below(kills + blows) < blows {
            within("a blow", stage.blow(&mut tally)).await;
        } else {
            tally.kills += kill_some(&create, &mut random).await;
        }
    }
    stage.end().await;
    posts.is_calm.store(true, Ordering::Release);
    while let Some(writer) = within("the end of a writer", writers.join_next()).await {
        writer.expect("no panic");
    }

    let log = check_log(&deployment.deploy("list-events")).await;
    let posts = Arc::into_inner(posts).expect("all writers have ended");
    posts.check(&log, &mut tally);
    tally.set_fault_counts(stage.breaker.fault_counts());
    tally.time = since.elapsed();
    tally::add(stage.name, seed, &tally);
    tally
}

/// SIGKILL for one to three processes. Answers how many.
async fn kill_some(create: &Lambda, random: &mut Random) -> u64 {
    let mut running = create.instances();
    running.retain(|instance| instance.is_running());
    let count = (1 + random.below(3)).min(running.len() as u64);
    for _ in 0..count {
        let killed = running.swap_remove(random.below(running.len() as u64) as usize);
        killed.kill().await;
    }
    count
}
