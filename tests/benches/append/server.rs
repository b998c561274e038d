//! The simulated replica set, in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use eventlog_simulation::{Settings, Simulation};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// As an argument, makes this program the server.
pub(crate) const ROLE: &str = "--server";
/// As between availability zones, and through a proxy or two.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(2);
/// What `w: majority` adds.
pub(crate) const MAJORITY_DELAY: Duration = Duration::from_micros(2500);

/// Prints the connection string; then, for each line that comes, how often each command came since the last. Ends
/// with its input.
pub(crate) fn serve() -> Result<()> {
    let settings = Settings { round_trip: ROUND_TRIP, majority_delay: MAJORITY_DELAY, ..Settings::default() };
    let simulation = Simulation::start(settings)?;
    let mut answers = std::io::stdout();
    writeln!(answers, "{}", simulation.uri())?;
    for line in std::io::stdin().lock().lines() {
        line?;
        writeln!(answers, "{}", serde_json::to_string(&simulation.counts())?)?;
        simulation.reset_counts();
    }
    Ok(())
}

/// The running server. Dropped, it is killed.
pub(crate) struct Server {
    pub(crate) uri: String,
    _process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Server {
    pub(crate) async fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ROLE).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let questions = process.stdin.take().context("its input")?;
        let mut answers = BufReader::new(process.stdout.take().context("its output")?).lines();
        let uri = answers.next_line().await?.context("the server ended at once")?;
        Ok(Self { uri, _process: process, questions, answers })
    }

    /// How many commands came since it was last asked, but for what drivers ask on their own.
    pub(crate) async fn commands(&mut self) -> Result<u64> {
        self.questions.write_all(b"\n").await?;
        let counts = self.answers.next_line().await?.context("the server has ended")?;
        let counts: BTreeMap<String, u64> = serde_json::from_str(&counts)?;
        let own = ["hello", "isMaster", "ismaster", "ping", "endSessions"];
        Ok(counts.iter().filter(|(name, _)| !own.contains(&name.as_str())).map(|(_, count)| count).sum())
    }
}
