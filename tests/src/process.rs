//! Servers as child processes: started, asked what they use, and ended by their own id.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What `/proc/PID/stat` counts in: `USER_HZ`, 100 on every Linux that Rust's standard library runs on.
const TICK: Duration = Duration::from_millis(10);

/// A running server. Dropped without [`Server::stop`], it is killed.
pub struct Server {
    child: Child,
    pid: u32,
    output: PathBuf,
    /// Where it listens, on the loopback interface.
    pub port: u16,
}

/// What a process has used.
#[derive(Clone, Copy)]
pub struct Usage {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Resident memory, in bytes.
    pub rss: u64,
}

impl Server {
    /// Starts `command` with its output in the file `output`, and waits until `ready` finds a port in what it
    /// has written so far.
    pub async fn start(
        mut command: Command,
        output: PathBuf,
        ready: impl Fn(&str) -> Option<u16>,
    ) -> Result<Self> {
        let program = command.as_std().get_program().to_os_string();
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let pid = child.id().context("a process id")?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let written = fs::read_to_string(&output)?;
            if let Some(port) = ready(&written) {
                return Ok(Self { child, pid, output, port });
            }
            if let Some(status) = child.try_wait()? {
                bail!("{} ended at once, {status}: {written}", program.display());
            }
            ensure!(Instant::now() < deadline, "{} did not become ready: {written}", program.display());
            sleep(LOOK_EVERY).await;
        }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Result<Usage> {
        usage(&self.pid.to_string())
    }

    /// The end of what it has written, to explain a failure.
    pub fn last_words(&self) -> String {
        let written = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(&written[written.len().saturating_sub(1000)..]).trim().to_owned()
    }

    /// Asks it to end (SIGTERM) and waits until it has, cleanly.
    pub async fn stop(mut self) -> Result<()> {
        // The standard library has no SIGTERM; every POSIX shell has.
        Command::new("sh").args(["-c", r#"kill -TERM "$0""#]).arg(self.pid.to_string()).status().await?;
        let status =
            timeout(STOP_LIMIT, self.child.wait()).await.context("SIGTERM did not end the server")??;
        ensure!(status.success(), "after SIGTERM: {status}: {}", self.last_words());
        Ok(())
    }
}

/// How a benchmark ends. An aim that is missed is no error.
pub fn exit_code(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ending by an error, where a signal alone would end the process at once, ends the servers too.
pub async fn until_interrupted(bench: impl Future<Output = Result<()>>) -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    tokio::select! {
        done = bench => done,
        _ = terminated.recv() => bail!("terminated"),
        _ = interrupted.recv() => bail!("interrupted"),
    }
}

/// CPU time of this very process, the load generator.
pub fn own_cpu() -> Result<Duration> {
    Ok(usage("self")?.cpu)
}

fn usage(pid: &str) -> Result<Usage> {
    let proc = Path::new("/proc").join(pid);
    let stat = fs::read_to_string(proc.join("stat")).context("the process is gone")?;
    let status = fs::read_to_string(proc.join("status"))?;
    parse_usage(&stat, &status).with_context(|| format!("unknown form of {}", proc.display()))
}

/// proc_pid_stat(5): utime and stime are fields 14 and 15; the second field, the name, may hold anything, but
/// no `)` follows it. proc_pid_status(5): `VmRSS:  1234 kB`, where kB are 1,024 bytes.
fn parse_usage(stat: &str, status: &str) -> Option<Usage> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().ok()).sum::<Option<u32>>()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
    Some(Usage { cpu: TICK * ticks, rss: rss.parse::<u64>().ok()? * 1024 })
}
