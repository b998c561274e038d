//! The table and the verdicts.

use super::figures::{Phase, Row};
use super::strategy::Strategy;

pub(crate) fn print_headings() {
    println!(
        "{:<18}{:>8}{:>10}{:>9}{:>9}{:>9}{:>16}{:>8}{:>8}",
        "", "writers", "events/s", "p50 ms", "p99 ms", "max ms", "commands/event", "forks", "CPU %"
    );
}

pub(crate) fn print_row(row: &Row) {
    let Phase { per_second, p50, p99, max, commands, busy, forks } = row.figures;
    println!(
        "{:<18}{:>8}{per_second:>10.0}{p50:>9.1}{p99:>9.1}{max:>9.1}{commands:>16.2}{forks:>8.0}{:>8.0}",
        row.strategy.name(),
        row.writers,
        busy * 100.0
    );
}

/// The aims, and whether they are met. `memory`: bytes of one instance of the function.
pub(crate) fn print_summary(rows: &[Row], memory: Option<u64>) {
    let figure = |strategy, writers, figure: fn(&Phase) -> f64| {
        let row = rows.iter().find(|row| row.strategy == strategy && row.writers == writers);
        row.map_or(f64::NAN, |row| figure(&row.figures))
    };
    let ours = |writers, of| figure(Strategy::GroupCommit, writers, of);
    let rate = |strategy| figure(strategy, 32, |phase| phase.per_second);
    let longest = rows.iter().filter(|row| row.strategy == Strategy::GroupCommit);
    let longest = longest.map(|row| row.figures.max).fold(0.0, f64::max);
    println!();
    at_least(
        "events/s at 32 writers / compare-and-swap",
        ours(32, |p| p.per_second) / rate(Strategy::CompareAndSwap),
        6.0,
    );
    at_least(
        "events/s at 32 writers / bare insert",
        ours(32, |p| p.per_second) / rate(Strategy::BareInsert),
        0.5,
    );
    at_most("p99 at 32 writers / p50 of one writer", ours(32, |p| p.p99) / ours(1, |p| p.p50), 8.0);
    let (one, bare) = (ours(1, |p| p.p50), figure(Strategy::BareInsert, 1, |p| p.p50));
    at_most("p50 of one writer / bare insert", one / bare, 1.1);
    at_most("longest append, seconds", longest / 1e3, 1.0);
    let memory = memory.map_or(f64::NAN, |bytes| bytes as f64 / 1e6);
    at_most("memory of one instance of create-event, MB", memory, 24.0);
}

fn at_least(what: &str, figure: f64, aim: f64) {
    println!("{what:<46}{figure:>9.2}   aim ≥ {aim:<5} {}", verdict(figure, figure >= aim));
}

fn at_most(what: &str, figure: f64, aim: f64) {
    println!("{what:<46}{figure:>9.2}   aim ≤ {aim:<5} {}", verdict(figure, figure <= aim));
}

fn verdict(figure: f64, is_met: bool) -> &'static str {
    match (figure.is_nan(), is_met) {
        (true, _) => "not measured",
        (_, true) => "met",
        (_, false) => "missed",
    }
}
