//! How the broadcaster scales: its real code against a simulated API Gateway and Lambda, at true size and in real time.
//!
//! ```text
//! cargo bench -p eventlog-tests --bench scale [-- --quick | NAME…] [--memory=MB] [--cpu-micros=µs] …
//! ```
//!
//! Each run of the function is the real `Broadcast::handle`, with SQLite as far away as a database would be. A post
//! takes as long as one to API Gateway, and some of the processor that the instance has; the account's limit is a token
//! bucket, of which other requests take too (`scale/settings.rs` has all that is assumed). An error ends it: an event
//! that somebody does not get, or gets in the wrong order. NAME: only scenarios whose name contains
//! it; all of them take some 18 minutes. `docs/scale.md` says what follows. Nothing is contacted.

/// The parts, in `benches/scale/`: beside this file, cargo would take each for a benchmark.
mod scale {
    pub(crate) mod clients;
    pub(crate) mod figures;
    pub(crate) mod gateway;
    pub(crate) mod lambda;
    pub(crate) mod report;
    pub(crate) mod scenarios;
    pub(crate) mod settings;
    pub(crate) mod store;
    pub(crate) mod world;
}

use std::process::ExitCode;

use anyhow::Result;
use eventlog_tests::process::exit_code;

use scale::report;
use scale::scenarios::SCENARIOS;
use scale::settings::Settings;
use scale::world;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("scale: measured by `cargo bench` only");
        return ExitCode::SUCCESS;
    }
    exit_code(bench(&arguments))
}

#[tokio::main]
async fn bench(arguments: &[String]) -> Result<()> {
    let settings = Settings::from_options(arguments)?;
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let names: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    report::print_settings(&settings);
    report::print_headings();
    let mut rows = Vec::new();
    for scenario in SCENARIOS {
        let is_named = names.is_empty() || names.iter().any(|name| scenario.name.contains(*name));
        if is_named && (scenario.quick || !is_quick) {
            let figures = world::run(*scenario, settings).await?;
            report::print_row(scenario.name, &figures);
            rows.push((scenario.name, figures));
        }
    }
    report::print_summary(&rows, &settings);
    Ok(())
}
