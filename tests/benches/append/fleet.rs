//! Many writers at once.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::audit::audit;
use super::figures::Phase;
use super::machine::CpuTime;
use super::server::Server;
use super::strategy::Strategy;
use super::writer;

/// Lets so many writers append for so long, to a log of their own, and checks that log.
pub(crate) async fn run_phase(
    server: &mut Server,
    strategy: Strategy,
    writers: usize,
    round: usize,
    time: Duration,
) -> Result<Phase> {
    let database = format!("{}-{writers}-{round}", strategy.name().replace(' ', "-"));
    let mut fleet = Vec::new();
    for _ in 0..writers {
        fleet.push(Writer::spawn(strategy, &server.uri, &database, time)?);
    }
    for writer in &mut fleet {
        writer.hears("ready").await?;
    }
    server.commands().await?;
    let cpu = CpuTime::now()?;
    for writer in &mut fleet {
        writer.say().await?;
    }
    for writer in &mut fleet {
        writer.hears("done").await?;
    }
    let busy = cpu.busy_since()?;
    let commands = server.commands().await?;
    let mut latencies = Vec::new();
    for mut writer in fleet {
        writer.say().await?;
        latencies.extend(writer.latencies().await?);
    }
    let forks = audit(strategy, &server.uri, &database, latencies.len() + writers).await?;
    Ok(Phase::new(time, latencies, commands, busy, forks))
}

/// Dropped, it is killed.
struct Writer {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Writer {
    fn spawn(strategy: Strategy, uri: &str, database: &str, time: Duration) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([writer::ROLE, strategy.name(), uri, database, &time.as_millis().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let input = process.stdin.take().context("its input")?;
        let output = BufReader::new(process.stdout.take().context("its output")?).lines();
        Ok(Self { _process: process, input, output })
    }

    async fn say(&mut self) -> Result<()> {
        Ok(self.input.write_all(b"\n").await?)
    }

    async fn hears(&mut self, word: &str) -> Result<()> {
        let line = self.output.next_line().await?;
        ensure!(line.as_deref() == Some(word), "a writer says {line:?} instead of {word:?}");
        Ok(())
    }

    async fn latencies(&mut self) -> Result<Vec<Duration>> {
        let line = self.output.next_line().await?.context("a writer ended")?;
        line.split_whitespace().map(|micros| Ok(Duration::from_micros(micros.parse()?))).collect()
    }
}
