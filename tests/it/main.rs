//! The whole system, driven from outside: real processes, real HTTP and WebSocket clients.

mod bad_input;
mod chain;
mod client;
mod commands;
mod crash;
mod exports;
mod functions;
mod live;
mod system;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut trials: Vec<Trial> = commands::trials();
    trials.extend(bad_input::trials());
    trials.extend(crash::trials());
    trials.extend(exports::tampering::trials());
    trials.extend(eventlog_testing::trials_on_mongodb(functions::trials()));
    for trials_of in [chain::trials, live::trials, exports::trials] {
        trials.extend(trials_of(system::Backend::Sqlite));
        trials.extend(eventlog_testing::trials_on_mongodb(trials_of(system::Backend::MongoDb)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
