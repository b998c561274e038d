//! The figures as a picture for the README, for light and for dark pages.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::figures::{Phase, Row};
use super::strategy::Strategy;

struct Theme {
    name: &'static str,
    ink: &'static str,
    faint: &'static str,
    /// Of read-then-insert, compare-and-swap and ours.
    lines: [&'static str; 3],
}

const THEMES: [Theme; 2] = [
    Theme { name: "light", ink: "#1f2328", faint: "#d1d9e0", lines: ["#bc4c00", "#6e7781", "#0969da"] },
    Theme { name: "dark", ink: "#e6edf3", faint: "#3d444d", lines: ["#f0883e", "#9198a1", "#4493f8"] },
];
const SHOWN: [Strategy; 3] = [Strategy::ReadThenInsert, Strategy::CompareAndSwap, Strategy::GroupCommit];

/// One diagram: its place in the picture, its scale (logarithmic).
struct Panel {
    title: &'static str,
    left: f64,
    figure: fn(&Phase) -> f64,
    ticks: &'static [f64],
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "events a second",
        left: 60.0,
        figure: |phase| phase.per_second,
        ticks: &[100.0, 300.0, 1000.0, 3000.0, 10000.0],
    },
    Panel {
        title: "99th percentile, ms",
        left: 430.0,
        figure: |phase| phase.p99,
        ticks: &[3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0],
    },
];
const WIDTH: f64 = 300.0;
const TOP: f64 = 50.0;
const HEIGHT: f64 = 180.0;

/// Writes `docs/append-light.svg` and `docs/append-dark.svg`.
pub(crate) fn draw(rows: &[Row]) -> Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for theme in &THEMES {
        std::fs::write(docs.join(format!("append-{}.svg", theme.name)), picture(theme, rows)?)?;
    }
    println!("\ndrawn: docs/append-light.svg, docs/append-dark.svg");
    Ok(())
}

fn picture(theme: &Theme, rows: &[Row]) -> Result<String> {
    let mut svg = String::new();
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="sans-serif" font-size="12" fill="{}">"#,
        theme.ink
    )?;
    writeln!(svg, "<title>Appends by many writers to one chain</title>")?;
    for panel in &PANELS {
        panel.axes(&mut svg, theme)?;
        for (strategy, colour) in SHOWN.into_iter().zip(theme.lines) {
            let mut points = String::new();
            for row in rows.iter().filter(|row| row.strategy == strategy) {
                let (x, y) = (panel.x(row.writers), panel.y((panel.figure)(&row.figures)));
                write!(points, "{x:.1},{y:.1} ")?;
                writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#)?;
            }
            let points = points.trim_end();
            writeln!(svg, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"#)?;
        }
    }
    legend(&mut svg, theme, rows)?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn legend(svg: &mut String, theme: &Theme, rows: &[Row]) -> Result<()> {
    let forks = rows.iter().filter(|row| row.strategy == Strategy::ReadThenInsert);
    let forks = forks.map(|row| row.figures.forks).fold(0.0, f64::max);
    let names = [
        format!("read-then-insert: forks the chain ({forks:.0} times)"),
        "compare-and-swap".into(),
        "group commit (ours)".into(),
    ];
    for ((name, colour), left) in names.iter().zip(theme.lines).zip([60, 360, 530]) {
        writeln!(svg, r#"<rect x="{left}" y="284" width="14" height="3" fill="{colour}"/>"#)?;
        writeln!(svg, r#"<text x="{}" y="290">{name}</text>"#, left + 20)?;
    }
    Ok(())
}

impl Panel {
    fn axes(&self, svg: &mut String, theme: &Theme) -> Result<()> {
        let (left, right, bottom) = (self.left, self.left + WIDTH, TOP + HEIGHT);
        writeln!(svg, r#"<text x="{left}" y="28" font-size="14">{}</text>"#, self.title)?;
        for tick in self.ticks {
            let y = self.y(*tick);
            writeln!(svg, r#"<path d="M{left} {y:.1}H{right}" stroke="{}"/>"#, theme.faint)?;
            writeln!(svg, r#"<text x="{}" y="{:.1}" text-anchor="end">{tick}</text>"#, left - 8.0, y + 4.0)?;
        }
        for writers in crate::WRITERS {
            let x = self.x(writers);
            writeln!(svg, r#"<text x="{x:.1}" y="{}" text-anchor="middle">{writers}</text>"#, bottom + 18.0)?;
        }
        let middle = left + WIDTH / 2.0;
        writeln!(svg, r#"<text x="{middle}" y="{}" text-anchor="middle">writers</text>"#, bottom + 36.0)?;
        Ok(())
    }

    fn x(&self, writers: usize) -> f64 {
        let [first, .., last] = crate::WRITERS.map(|writers| (writers as f64).ln());
        self.left + ((writers as f64).ln() - first) / (last - first) * WIDTH
    }

    fn y(&self, figure: f64) -> f64 {
        let (low, high) = (self.ticks[0].ln(), self.ticks[self.ticks.len() - 1].ln());
        TOP + HEIGHT - (figure.ln() - low) / (high - low) * HEIGHT
    }
}
