//! A writer: a process that appends, one event at a time.

use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::strategy::{Log, Strategy};

/// As an argument, makes this program a writer.
pub(crate) const ROLE: &str = "--writer";

/// Appends once, says that it is ready, waits for a line, appends for the given time, and prints how long each
/// append took, in microseconds.
#[tokio::main(flavor = "current_thread")]
pub(crate) async fn write(arguments: &[String]) -> Result<()> {
    let [strategy, uri, database, millis] = arguments else { bail!("strategy, uri, database, milliseconds") };
    let mut log = Log::open(Strategy::parse(strategy)?, uri, database).await?;
    let time = Duration::from_millis(millis.parse()?);
    log.append().await?;
    println!("ready");
    std::io::stdin().lock().lines().next().context("a line to begin")??;
    let begin = Instant::now();
    let mut latencies = Vec::new();
    while begin.elapsed() < time {
        let start = Instant::now();
        log.append().await?;
        latencies.push(start.elapsed().as_micros().to_string());
    }
    // Nobody reads while others still write.
    println!("done");
    std::io::stdin().lock().lines().next().context("a line to end")??;
    writeln!(std::io::stdout(), "{}", latencies.join(" "))?;
    Ok(())
}
