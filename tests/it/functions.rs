//! The deployed functions: the real programs, each instance a process of its own, run as Lambda runs them, on
//! MongoDB.

mod deployment;
mod failures;
mod gateway;
mod keyed;
mod kills;
mod outages;
mod proxy;
mod requests;
mod websocket;
mod writers;

use libtest_mimic::Trial;

/// All need a MongoDB.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = requests::trials();
    for more in
        [writers::trials, kills::trials, keyed::trials, websocket::trials, failures::trials, outages::trials]
    {
        trials.extend(more());
    }
    trials
}
