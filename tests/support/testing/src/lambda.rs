//! Functions as AWS Lambda runs them: the real programs, unmodified, each instance a process of its own.
//!
//! An instance gets one invocation at a time; who finds none idle starts another one. Between two invocations
//! it is frozen, so that work left undone after the answer shows. What takes longer than its timeout is killed.
//!
//! Written after "Using the Lambda runtime API for custom runtimes" and "Understanding the Lambda execution
//! environment lifecycle" of the developer guide. For Unix, and the memory figures for Linux only.

mod error;
mod guard;
mod idle;
mod instance;
mod runtime_api;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

pub use error::{FunctionError, InvokeError};
use guard::Guard;
use idle::Idle;
pub use instance::{Instance, Memory};

/// What is deployed: a program, its environment, its limits.
#[derive(Debug, Clone)]
pub struct Function {
    program: PathBuf,
    environment: Vec<(String, String)>,
    timeout: Duration,
    init_timeout: Duration,
    memory_mb: u32,
    freezes: bool,
}

impl Function {
    /// A program that speaks the Runtime API. 30 s, 10 s to start, 128 MB, an environment of nothing but what
    /// Lambda sets.
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

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// What an invocation may take, without the start of a new instance.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What a new instance may take until it asks for its first invocation.
    pub fn init_timeout(mut self, timeout: Duration) -> Self {
        self.init_timeout = timeout;
        self
    }

    /// The size that the program is told. Nothing holds it to that: see [`Instance::memory`].
    pub fn memory_mb(mut self, memory_mb: u32) -> Self {
        self.memory_mb = memory_mb;
        self
    }

    /// Lets idle instances run on, which Lambda does not.
    pub fn never_frozen(mut self) -> Self {
        self.freezes = false;
        self
    }

    /// Makes it ready to be invoked; starts no instance yet.
    pub fn deploy(self) -> Lambda {
        Lambda(Arc::new(Deployed {
            function: self,
            idle: Mutex::default(),
            instances: Mutex::default(),
            guard: Guard::start(),
        }))
    }

    /// The name of the program, which is unique in a deployment.
    fn name(&self) -> String {
        let name = self.program.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// A deployed function. When the last clone is dropped, all its instances are killed.
#[derive(Clone)]
pub struct Lambda(Arc<Deployed>);

struct Deployed {
    function: Function,
    /// The one that was used last is used next, as Lambda seems to do.
    idle: Mutex<Vec<Idle>>,
    instances: Mutex<Vec<Instance>>,
    guard: Guard,
}

impl Lambda {
    /// Answers what the function answered. The function runs to its end even if nobody waits for it.
    ///
    /// Whether an instance is idle or a new one starts is decided when this is first polled; an instance is
    /// idle again before its invocation returns.
    pub async fn invoke(&self, payload: &[u8]) -> Result<Vec<u8>, InvokeError> {
        let idle = self.0.take_idle();
        let (deployed, payload) = (self.0.clone(), Bytes::copy_from_slice(payload));
        tokio::spawn(deployed.serve(idle, payload)).await.expect("an invocation that ends")
    }

    /// All instances that were ever started, in that order; those that have ended too, for their logs.
    pub fn instances(&self) -> Vec<Instance> {
        self.0.instances.lock().expect("no panic").clone()
    }
}

impl Deployed {
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().expect("no panic");
        std::iter::from_fn(|| idle.pop()).find(Idle::is_there)
    }

    async fn serve(self: Arc<Self>, idle: Option<Idle>, payload: Bytes) -> Result<Vec<u8>, InvokeError> {
        let started = |instance| self.instances.lock().expect("no panic").push(instance);
        let idle = match idle {
            Some(idle) => idle,
            None => Idle::start(&self.function, &self.guard, started).await?,
        };
        let (answer, idle) = idle.invoke(&self.function, payload).await;
        self.idle.lock().expect("no panic").extend(idle);
        answer
    }
}
