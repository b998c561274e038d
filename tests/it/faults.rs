//! Writers under load while everything breaks: kill -9 of writers and of the server, fail-overs, connections cut
//! before a command and after its reply, commands repeated late. After each round the whole log is held against
//! what was acknowledged.
//!
//! `EVENTLOG_FAULT_KILLS` says how many writers are to be killed on all servers together, 1,000 in a long run
//! (`docs/faults.md`). `EVENTLOG_FAULT_SEED` takes the seed of a round that failed: it decides what is done to
//! whom, but not what the processes make of it.

mod posts;
mod round;
mod stage;
mod tally;

use std::env;
use std::future::Future;

use eventlog_testing::{Random, server, trial, trials_on_ferretdb, trials_on_mongodb};
use libtest_mimic::Trial;

use round::Plan;
use stage::Stage;
pub(crate) use tally::print_summary;

/// On each kind of server, and the part that it has in a long run.
pub(crate) fn trials() -> Vec<Trial> {
    let plan = Plan { writers: 10, kills: 16, blows: 0, pause: 100 };
    let found = trial("nothing_is_lost_under_faults", move || rounds(plan, 40, Stage::found));
    let plan = Plan { writers: 10, kills: 16, blows: 4, pause: 100 };
    let simulated =
        trial("nothing_is_lost_under_faults_and_fail_overs", move || rounds(plan, 40, Stage::simulated));
    // Not many events: its head is found by looking at all of them.
    let plan = Plan { writers: 8, kills: 8, blows: 3, pause: 80 };
    let ferretdb = trial("nothing_is_lost_under_faults_and_kills_of_the_server", move || {
        rounds(plan, 20, Stage::ferretdb)
    });
    let is_far = server().is_ok_and(|server| server.uri_through(([127, 0, 0, 1], 1).into()).is_none());
    let mut trials = trials_on_mongodb(vec![found.with_ignored_flag(is_far)]);
    trials.push(simulated.with_kind("simulation"));
    trials.extend(trials_on_ferretdb(vec![ferretdb]));
    trials
}

/// What every `cargo test` can afford.
const FEW_KILLS: u64 = 100;

/// Of writers, on all servers together, if somebody has asked for more or less than every `cargo test` does.
fn kills_asked_for() -> Option<u64> {
    number_in("EVENTLOG_FAULT_KILLS")
}

/// A number in the environment.
pub(crate) fn number_in(variable: &str) -> Option<u64> {
    let number = |value: String| value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}"));
    env::var(variable).ok().map(number)
}

/// Rounds until `percent` of the kills are done; at least one.
async fn rounds<F: Future<Output = Stage>>(plan: Plan, percent: u64, stage: impl Fn(Random) -> F) {
    let first = number_in("EVENTLOG_FAULT_SEED").unwrap_or_else(Random::any_seed);
    let kills = kills_asked_for().unwrap_or(FEW_KILLS) * percent / 100;
    let mut done = 0;
    for seed in first.. {
        let mut random = Random::new(seed);
        let stage = stage(random.another()).await;
        let tally = round::run(stage, plan, seed, random).await;
        done += tally.kills;
        if done >= kills {
            return;
        }
    }
}
