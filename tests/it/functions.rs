//! The deployed functions: the real programs, each instance a process of its own, run as Lambda runs them.

pub(crate) mod deployment;
mod failures;
mod gateway;
mod invocations;
mod keyed;
mod kills;
mod outages;
mod requests;
mod schedules;
mod secrets;
mod shares;
mod subscriptions;
mod websocket;
mod writers;

use libtest_mimic::Trial;

/// All need a MongoDB.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = requests::trials();
    for more in [
        writers::trials,
        kills::trials,
        keyed::trials,
        websocket::trials,
        subscriptions::trials,
        shares::trials,
        failures::trials,
        outages::trials,
    ] {
        trials.extend(more());
    }
    trials
}

/// These need none.
pub(crate) fn trials_on_simulations() -> Vec<Trial> {
    let mut trials = secrets::trials();
    trials.extend(schedules::trials());
    trials
}
