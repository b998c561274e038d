//! The table, the JSON lines and the verdicts.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

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

/// Where results go: a table on stdout, and JSON lines in the file that `EVENTLOG_BENCH_JSON` names.
pub(crate) struct Report {
    json: Option<File>,
}

/// All rounds of one row of the table.
pub(crate) struct Row {
    pub(crate) request: String,
    pub(crate) clients: usize,
    pub(crate) system: &'static str,
    pub(crate) rounds: Vec<Figures>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Report {
    /// Opens the file at once: a wrong path should not cost a whole run.
    pub(crate) fn open() -> Result<Self> {
        let Some(path) = std::env::var_os("EVENTLOG_BENCH_JSON") else { return Ok(Self { json: None }) };
        let file = File::create(&path).with_context(|| format!("EVENTLOG_BENCH_JSON={}", path.display()))?;
        Ok(Self { json: Some(file) })
    }

    /// Prints one row for each system and request.
    pub(crate) fn table(&mut self, rows: &[Row]) -> Result<()> {
        println!("\n{}", aligned(&HEADINGS.map(str::to_owned)));
        for row in rows {
            self.row(row)?;
        }
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<()> {
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
        self.line(&json!({
            "request": row.request, "clients": row.clients, "system": row.system,
            "requests": row.rounds.iter().map(|round| round.requests).sum::<usize>(),
            "req_per_s": row.per_second(), "req_per_s_rounds": rates,
            "p50_us": p50, "p99_us": p99, "cpu_us_per_req": cpu, "rss_mb": rss,
            "generator_cpu_us_per_req": own,
        }))
    }

    /// Prints one figure with its aim. `None` was not measured.
    pub(crate) fn verdict(&mut self, what: &str, figure: Option<f64>, unit: &str, aim: Aim) -> Result<()> {
        let verdict = figure.map(|figure| if aim.is_met_by(figure) { "met" } else { "missed" });
        let shown = figure.map_or("–".into(), |figure| format!("{figure:.3}{unit}"));
        let (relation, bound) = aim.parts();
        let aim = format!("{relation} {bound}{unit}");
        println!("{what:<48} {shown:>12}   aim {aim:<8}  {}", verdict.unwrap_or("not measured"));
        self.line(&json!({
            "aim": what, "figure": figure, "relation": relation, "bound": bound, "verdict": verdict,
        }))
    }

    /// Writes one JSON line, if anyone wants it.
    pub(crate) fn line(&mut self, value: &Value) -> Result<()> {
        if let Some(file) = &mut self.json {
            writeln!(file, "{value}")?;
        }
        Ok(())
    }
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
        let mut figures: Vec<f64> = self.rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl Aim {
    fn is_met_by(self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= bound,
            Self::AtMost(bound) => figure <= bound,
            Self::Below(bound) => figure < bound,
        }
    }

    fn parts(self) -> (&'static str, f64) {
        match self {
            Self::AtLeast(bound) => ("≥", bound),
            Self::AtMost(bound) => ("≤", bound),
            Self::Below(bound) => ("<", bound),
        }
    }
}

fn aligned([request, clients, system, rate, spread, p50, p99, cpu, rss, own]: &[String; 10]) -> String {
    format!(
        "{request:<30} {clients:>7}  {system:<8} {rate:>8}  {spread:<15} \
         {p50:>8} {p99:>8}  {cpu:>10}  {rss:>6}  {own:>16}"
    )
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// In millions of bytes.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
