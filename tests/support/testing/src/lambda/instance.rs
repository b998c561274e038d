//! One process.

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

use super::Function;
use super::guard::Guard;

/// So much of what an instance prints is kept, the newest.
const MAX_LOG: usize = 256 * 1024;
/// What is still in the pipe when a process has ended comes at once, unless it left a child behind that holds
/// the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A process that runs a function, or did.
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

/// What a process takes of the memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Now: `VmRSS`.
    pub resident: u64,
    /// At the most so far: `VmHWM`.
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
        // It holds the writing end of the pipe, without which the reader would never see the end.
        drop(command);
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output)).expect("a pipe");
        let (signals, signalled) = mpsc::unbounded_channel();
        let (end, ended) = watch::channel(None);
        let log = Arc::new(Mutex::default());
        let pid = child.id().expect("it was not waited for");
        tokio::spawn(attend(child, pid, signalled, collect(output, log.clone()), end));
        Self(Arc::new(Process { pid, started, init: OnceLock::new(), log, signals, ended }))
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.0.pid
    }

    /// True until the process has ended and everything that it printed is in the log.
    pub fn is_running(&self) -> bool {
        self.0.ended.borrow().is_none()
    }

    /// From the start of the process until it asked for its first invocation.
    pub fn init(&self) -> Option<Duration> {
        self.0.init.get().copied()
    }

    /// What it printed, to stdout and stderr; the last 256 KiB of it.
    pub fn log(&self) -> String {
        let log = self.0.log.lock().expect("no panic");
        String::from_utf8_lossy(&log[log.len().saturating_sub(MAX_LOG)..]).into_owned()
    }

    /// Its memory; `None` when it has ended, or where there is no `/proc`.
    pub fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let bytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib: u64 = value.split_whitespace().next()?.parse().ok()?;
            Some(kib * 1024)
        };
        Some(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }

    /// SIGKILL; answers how the process has ended, which it may have done before.
    pub async fn kill(&self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.ended().await
    }

    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// It asked for its first invocation.
    pub(super) fn is_ready(&self) {
        self.0.init.get_or_init(|| self.0.started.elapsed());
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut ended = self.0.ended.clone();
        let status = ended.wait_for(Option::is_some).await.expect("its end is announced");
        status.expect("it has ended")
    }

    fn signal(&self, signal: Signal) {
        // Nobody hears it when the process has ended.
        let _ = self.0.signals.send(signal);
    }
}

/// Waits for the end, and passes signals on until then. Doing both in one place means that no signal is sent to
/// a process that has been waited for, whose id may be somebody else's by then.
async fn attend(
    mut child: Child,
    pid: u32,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    output: impl Future<Output = ()>,
    end: watch::Sender<Option<ExitStatus>>,
) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("the id of a process");
    let mut output = std::pin::pin!(output);
    let mut at_end = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.expect("a status"),
            Some(signal) = signals.recv() => kill_process(pid, signal).expect("a child takes signals"),
            () = output.as_mut(), if !at_end => at_end = true,
        }
    };
    if !at_end {
        let _ = timeout(LAST_WORDS, output).await;
    }
    end.send_replace(Some(status));
}

async fn collect(mut output: pipe::Receiver, log: Arc<Mutex<Vec<u8>>>) {
    let mut read = [0; 8192];
    while let Ok(len @ 1..) = output.read(&mut read).await {
        let mut log = log.lock().expect("no panic");
        log.extend_from_slice(&read[..len]);
        // Not at every reading, so that what is kept is not moved at every reading.
        if log.len() > 2 * MAX_LOG {
            let old = log.len() - MAX_LOG;
            log.drain(..old);
        }
    }
}
