//! The table.

use anyhow::Result;
use eventlog_tests::report::{Report, median, megabytes, micros};
use serde_json::json;

use super::workload::Figures;

const HEADINGS: [&str; 10] = [
    "request",
    "clients",
    "system",
    "req/s",
    "(worst–best)",
    "p50 ms",
    "p99 ms",
    "CPU µs/req",
    "RSS MB",
    "generator µs/req",
];

/// All rounds of one row of the table.
pub(crate) struct Row {
    pub(crate) request: String,
    pub(crate) clients: usize,
    pub(crate) system: &'static str,
    pub(crate) rounds: Vec<Figures>,
}

impl Row {
    pub(crate) fn per_second(&self) -> f64 {
        self.median(|round| round.per_second)
    }

    /// µs of the server's CPU time per request.
    pub(crate) fn cpu(&self) -> f64 {
        self.median(|round| micros(round.cpu))
    }

    fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        median(&self.rounds, figure)
    }
}

/// Prints one row for each system and request.
pub(crate) fn print(rows: &[Row], report: &mut Report) -> Result<()> {
    println!("\n{}", aligned(&HEADINGS.map(str::to_owned)));
    for row in rows {
        print_row(row, report)?;
    }
    Ok(())
}

fn print_row(row: &Row, report: &mut Report) -> Result<()> {
    let rates: Vec<f64> = row.rounds.iter().map(|round| round.per_second).collect();
    let worst = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let best = rates.iter().copied().fold(0.0, f64::max);
    let (p50, p99) = (row.median(|round| micros(round.p50)), row.median(|round| micros(round.p99)));
    let (cpu, own) = (row.cpu(), row.median(|round| micros(round.own_cpu)));
    let rss = row.median(|round| megabytes(round.rss));
    let cells = [
        row.request.clone(),
        row.clients.to_string(),
        row.system.to_owned(),
        format!("{:.0}", row.per_second()),
        format!("({worst:.0}–{best:.0})"),
        format!("{:.3}", p50 / 1e3),
        format!("{:.3}", p99 / 1e3),
        format!("{cpu:.1}"),
        format!("{rss:.1}"),
        format!("{own:.1}"),
    ];
    println!("{}", aligned(&cells));
    report.line(&json!({
        "request": row.request, "clients": row.clients, "system": row.system,
        "requests": row.rounds.iter().map(|round| round.requests).sum::<usize>(),
        "req_per_s": row.per_second(), "req_per_s_rounds": rates,
        "p50_us": p50, "p99_us": p99, "cpu_us_per_req": cpu, "rss_mb": rss,
        "generator_cpu_us_per_req": own,
    }))
}

fn aligned([request, clients, system, rate, spread, p50, p99, cpu, rss, own]: &[String; 10]) -> String {
    format!(
        "{request:<30} {clients:>7}  {system:<8} {rate:>8}  {spread:<15} \
         {p50:>8} {p99:>8}  {cpu:>10}  {rss:>6}  {own:>16}"
    )
}
