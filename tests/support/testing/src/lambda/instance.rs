//! Instances: processes that run a function.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::function::Function;
use super::guard::Guard;

/// Maximum bytes of output that are kept, the newest.
const MAX_LOG: usize = 256 * 1024;
/// How long the rest of the output may take after the end of a process. It comes at once, unless a child of the
/// process holds the pipe.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);

/// A process that runs a function, or has ended.
#[derive(Clone)]
pub struct Instance(Arc<Process>);

struct Process {
    pid: u32,
    started: Instant,
    init: OnceLock<Duration>,
    log: Arc<Mutex<Vec<u8>>>,
    signals: mpsc::UnboundedSender<Signal>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// Memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Present size: `VmRSS`.
    pub resident: u64,
    /// Peak size: `VmHWM`.
    pub peak: u64,
}

impl Instance {
    pub(super) fn spawn(function: &Function, guard: &Guard, runtime_api: SocketAddr) -> Self {
        let (output, input) = io::pipe().expect("a pipe");
        let mut command = Command::new(&function.program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TZ", ":UTC")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", function.name())
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory_mb.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .envs(function.environment.iter().map(|(name, value)| (name, value)))
            .process_group(guard.group())
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null())
            .stdout(input.try_clone().expect("a pipe"))
            .stderr(input);
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", function.name()));
        // The command holds the writing end of the pipe; while that is open, the reader sees no end.
        drop(command);
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output)).expect("a pipe");
        let (signals, signal_receiver) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let log = Arc::new(Mutex::default());
        let pid = child.id().expect("it was not waited for");
        tokio::spawn(supervise(child, pid, signal_receiver, collect(output, log.clone()), end));
        Self(Arc::new(Process { pid, started, init: OnceLock::new(), log, signals, ended }))
    }

    /// Returns the id of the process.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// Returns true until the process has ended and its whole output is in the log.
    pub fn is_running(&self) -> bool {
        self.0.ended.borrow().is_none()
    }

    /// Returns the time from the start of the process to its request for the first invocation.
    pub fn init(&self) -> Option<Duration> {
        self.0.init.get().copied()
    }

    /// Returns the last 256 KiB of stdout and stderr.
    pub fn log(&self) -> String {
        let log = self.0.log.lock().expect("no panic");
        String::from_utf8_lossy(&log[log.len().saturating_sub(MAX_LOG)..]).into_owned()
    }

    /// Returns the memory of the process; `None` if it has ended, or without `/proc`.
    pub fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let bytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }

    /// Kills the process, if it has not ended before, and returns its exit status.
    pub async fn kill(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait().await
    }

    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Records the time of the first request for an invocation.
    pub(super) fn record_init(&self) {
        self.0.init.get_or_init(|| self.0.started.elapsed());
    }

    /// Waits for the end of the process.
    pub(super) async fn wait(&self) -> ExitStatus {
        let mut ended = self.0.ended.clone();
        let status = ended.wait_for(Option::is_some).await.expect("its end is announced");
        status.expect("it has ended")
    }

    fn signal(&self, signal: Signal) {
        // Fails if the process has ended.
        let _ = self.0.signals.send(signal);
    }
}

/// Forwards signals until the process ends. One task does both, so that no signal goes to the id of an ended process,
/// which the system may have given to another.
async fn supervise(
    mut child: Child,
    pid: u32,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    output: impl Future<Output = ()>,
    end: watch::Sender<Option<ExitStatus>>,
) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("the id of a process");
    let mut output = std::pin::pin!(output);
    let mut is_complete = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.expect("a status"),
            Some(signal) = signals.recv() => kill_process(pid, signal).expect("a child takes signals"),
            () = output.as_mut(), if !is_complete => is_complete = true,
        }
    };
    if !is_complete {
        let _ = timeout(OUTPUT_GRACE, output).await;
    }
    end.send_replace(Some(status));
}

async fn collect(mut output: pipe::Receiver, log: Arc<Mutex<Vec<u8>>>) {
    let mut read = [0; 8192];
    while let Ok(len @ 1..) = output.read(&mut read).await {
        let mut log = log.lock().expect("no panic");
        log.extend_from_slice(&read[..len]);
        // Only at twice the limit, so that the kept bytes are not moved at each read.
        if log.len() > 2 * MAX_LOG {
            let old = log.len() - MAX_LOG;
            log.drain(..old);
        }
    }
}
