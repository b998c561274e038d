//! The verdicts, and the JSON lines.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Where results go: verdicts on stdout, and JSON lines in the file that `EVENTLOG_BENCH_JSON` names.
pub struct Report {
    json: Option<File>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

impl Report {
    /// Opens the file at once: a wrong path should not cost a whole run.
    pub fn open() -> Result<Self> {
        let Some(path) = std::env::var_os("EVENTLOG_BENCH_JSON") else { return Ok(Self { json: None }) };
        let file = File::create(&path).with_context(|| format!("EVENTLOG_BENCH_JSON={}", path.display()))?;
        Ok(Self { json: Some(file) })
    }

    /// Prints one figure with its aim. `None` was not measured.
    pub fn verdict(&mut self, what: &str, figure: Option<f64>, unit: &str, aim: Aim) -> Result<()> {
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
    pub fn line(&mut self, value: &Value) -> Result<()> {
        if let Some(file) = &mut self.json {
            writeln!(file, "{value}")?;
        }
        Ok(())
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

/// The median of what the rounds showed.
pub fn median<T>(rounds: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// In millionths of a second.
pub fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// In millions of bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
