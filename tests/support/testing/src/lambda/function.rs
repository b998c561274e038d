//! The configuration of a function.

use std::path::PathBuf;
use std::time::Duration;

/// A function to deploy: a program, its environment, its limits.
#[derive(Debug, Clone)]
pub struct Function {
    pub(super) program: PathBuf,
    pub(super) environment: Vec<(String, String)>,
    pub(super) timeout: Duration,
    pub(super) init_timeout: Duration,
    pub(super) memory_mb: u32,
    pub(super) freezes: bool,
}

impl Function {
    /// Returns a function of a program that speaks the Runtime API. Defaults: timeout 30 s, start 10 s, 128 MB, and
    /// only the environment variables that Lambda sets.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            environment: Vec::new(),
            timeout: Duration::from_secs(30),
            init_timeout: Duration::from_secs(10),
            memory_mb: 128,
            freezes: true,
        }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the timeout of an invocation, without the start of an instance.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the time until a new instance must ask for its first invocation.
    pub fn init_timeout(mut self, timeout: Duration) -> Self {
        self.init_timeout = timeout;
        self
    }

    /// Sets the memory size in the program's environment. It is not enforced; see
    /// [`Instance::memory`](super::Instance::memory).
    pub fn memory_mb(mut self, memory_mb: u32) -> Self {
        self.memory_mb = memory_mb;
        self
    }

    /// Lets idle instances run, unlike Lambda.
    pub fn never_frozen(mut self) -> Self {
        self.freezes = false;
        self
    }

    /// Returns the file name of the program, which is unique in a deployment.
    pub(super) fn name(&self) -> String {
        let name = self.program.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}
