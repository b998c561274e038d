//! The table.

use anyhow::Result;
use eventlog_tests::report::{Report, median, megabytes, micros};
use serde_json::json;

use super::stage::Figures;
use super::tally::Audit;

/// All rounds of one row of the table.
pub(crate) struct Row {
    pub(crate) system: &'static str,
    pub(crate) sockets: usize,
    pub(crate) posters: usize,
    pub(crate) rounds: Vec<Figures>,
}

impl Row {
    pub(crate) fn per_second(&self) -> f64 {
        self.median(|round| round.per_second)
    }

    pub(crate) fn per_second_in_step(&self) -> f64 {
        self.median(|round| round.per_second_in_step)
    }

    /// Of all rounds together.
    pub(crate) fn audit(&self) -> Audit {
        self.rounds.iter().fold(Audit::default(), |sum, Figures { audit, .. }| Audit {
            missing: sum.missing + audit.missing,
            out_of_order: sum.out_of_order + audit.out_of_order,
            repeats: sum.repeats + audit.repeats,
        })
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(&self.rounds, figure)
    }
}

pub(crate) fn print_headings() {
    println!("{:>49}{:>27}", "posters wait for answers only", "for all deliveries");
    println!(
        "{:>7} {:>7}  {:<8} {:>13} {:>13} {:>12}  {:>12} {:>8} {:>8}  {:>6} {:>7} {:>12}  {:>9}",
        "sockets",
        "posters",
        "system",
        "deliveries/s",
        "(worst–best)",
        "CPU µs each",
        "deliveries/s",
        "p50 ms",
        "p99 ms",
        "RSS MB",
        "missing",
        "out of order",
        "generator"
    );
}

pub(crate) fn print(row: &Row, report: &mut Report) -> Result<()> {
    let rates: Vec<f64> = row.rounds.iter().map(|round| round.per_second).collect();
    let worst = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let best = rates.iter().copied().fold(0.0, f64::max);
    let (p50, p99) = (row.median(|round| micros(round.p50)), row.median(|round| micros(round.p99)));
    let (cpu, own) = (row.median(|round| micros(round.cpu)), row.median(|round| micros(round.own_cpu)));
    let rss = row.median(|round| megabytes(round.rss));
    let Audit { missing, out_of_order, repeats } = row.audit();
    println!(
        "{:>7} {:>7}  {:<8} {:>13.0} {:>13} {cpu:>12.2}  {:>12.0} {:>8.2} {:>8.2}  {rss:>6.1} {missing:>7} {out_of_order:>12}  {own:>9.2}",
        row.sockets,
        row.posters,
        row.system,
        row.per_second(),
        format!("({worst:.0}–{best:.0})"),
        row.per_second_in_step(),
        p50 / 1e3,
        p99 / 1e3,
    );
    report.line(&json!({
        "system": row.system, "sockets": row.sockets, "posters": row.posters,
        "deliveries_per_s": row.per_second(), "deliveries_per_s_rounds": rates,
        "cpu_us_per_delivery": cpu, "generator_cpu_us_per_delivery": own,
        "in_step_deliveries_per_s": row.per_second_in_step(), "in_step_p50_us": p50, "in_step_p99_us": p99,
        "rss_mb": rss, "missing": missing, "out_of_order": out_of_order, "repeats": repeats,
    }))
}
