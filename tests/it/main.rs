//! The whole system, driven from outside: real processes, real HTTP and WebSocket clients.

mod api;
mod asyncapi;
mod bad_input;
mod chain;
mod client;
mod commands;
mod crash;
mod embedded;
mod exports;
mod faults;
mod functions;
mod gateway;
mod live;
mod system;
mod tail;
mod template;
mod verdicts;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let mut trials: Vec<Trial> = commands::trials();
    trials.extend(bad_input::trials());
    trials.extend(crash::trials());
    trials.extend(embedded::trials());
    trials.extend(gateway::trials());
    trials.extend(verdicts::trials());
    trials.extend(exports::limits::trials());
    trials.extend(exports::long::trials());
    trials.extend(exports::tampering::trials());
    trials.extend(template::trials());
    trials.extend(functions::trials_on_simulations());
    trials.extend(api::trials_on_one());
    trials.extend(asyncapi::trials());
    trials.extend(tail::trials_on_one());
    trials.extend(eventlog_testing::trials_on_mongodb(functions::trials()));
    trials.extend(eventlog_testing::trials_on_mongodb(template::trials_with_answers()));
    trials.extend(faults::trials());
    for trials_of in [chain::trials, live::trials, api::trials, exports::trials, tail::trials] {
        trials.extend(trials_of(system::Backend::Sqlite));
        trials.extend(eventlog_testing::trials_on_mongodb(trials_of(system::Backend::MongoDb)));
    }
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    faults::print_summary();
    live::disconnects::print_summary();
    conclusion.exit();
}
