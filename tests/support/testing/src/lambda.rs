//! Functions as AWS Lambda runs them: the unmodified programs, each instance a process.
//!
//! An instance gets one invocation at a time; without an idle instance a new one starts. Between two invocations an
//! instance is frozen, so that unfinished work after a reply shows. An invocation longer than its timeout is killed.
//!
//! Written after the Lambda developer guide, "Using the Lambda runtime API for custom runtimes" and "Understanding
//! the Lambda execution environment lifecycle". For Unix; memory figures for Linux only.

mod error;
mod function;
mod guard;
mod idle;
mod instance;
mod runtime_api;

use std::sync::{Arc, Mutex};

use bytes::Bytes;

pub use error::{FunctionError, InvokeError};
pub use function::Function;
use guard::Guard;
use idle::Idle;
pub use instance::{Instance, Memory};

impl Function {
    /// Deploys the function. Instances start with invocations.
    pub fn deploy(self) -> Lambda {
        Lambda(Arc::new(Deployed {
            function: self,
            idle: Mutex::default(),
            instances: Mutex::default(),
            guard: Guard::start(),
        }))
    }
}

/// A deployed function. Dropping the last clone kills all its instances.
#[derive(Clone)]
pub struct Lambda(Arc<Deployed>);

struct Deployed {
    function: Function,
    /// The instance that was used last is used next, as Lambda appears to do.
    idle: Mutex<Vec<Idle>>,
    instances: Mutex<Vec<Instance>>,
    guard: Guard,
}

impl Lambda {
    /// Invokes the function and returns its reply. Dropping the future does not end the invocation.
    ///
    /// The first poll decides whether an idle instance or a new one is used. An instance is idle again before its
    /// invocation returns.
    pub async fn invoke(&self, payload: &[u8]) -> Result<Vec<u8>, InvokeError> {
        let idle = self.0.take_idle();
        let (deployed, payload) = (self.0.clone(), Bytes::copy_from_slice(payload));
        tokio::spawn(deployed.serve(idle, payload)).await.expect("an invocation that ends")
    }

    /// Returns all instances, also the ended ones, in the order of their start.
    pub fn instances(&self) -> Vec<Instance> {
        self.0.instances.lock().expect("no panic").clone()
    }
}

impl Deployed {
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().expect("no panic");
        std::iter::from_fn(|| idle.pop()).find(Idle::is_alive)
    }

    async fn serve(self: Arc<Self>, idle: Option<Idle>, payload: Bytes) -> Result<Vec<u8>, InvokeError> {
        let on_start = |instance| self.instances.lock().expect("no panic").push(instance);
        let idle = match idle {
            Some(idle) => idle,
            None => Idle::start(&self.function, &self.guard, on_start).await?,
        };
        let (reply, idle) = idle.invoke(&self.function, payload).await;
        self.idle.lock().expect("no panic").extend(idle);
        reply
    }
}
