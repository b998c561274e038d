//! Idle instances and their invocations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::error::{FunctionError, InvokeError};
use super::function::Function;
use super::guard::Guard;
use super::instance::Instance;
use super::runtime_api::{Call, Invocation, RuntimeApi};

/// An instance that has asked for its next invocation. An invocation consumes it and returns it on success, so that
/// no busy or ended instance can be invoked.
pub(super) struct Idle {
    instance: Instance,
    api: RuntimeApi,
    next: oneshot::Sender<Invocation>,
}

type Reply = Result<Bytes, FunctionError>;

impl Idle {
    /// Starts an instance. `on_start` gets the process at once, so that a test can inspect and kill it.
    pub(super) async fn start(
        function: &Function,
        guard: &Guard,
        on_start: impl FnOnce(Instance),
    ) -> Result<Self, InvokeError> {
        let mut api = RuntimeApi::start().await;
        let instance = Instance::spawn(function, guard, api.address());
        on_start(instance.clone());
        let error = tokio::select! {
            next = wait_until_ready(&mut api) => match next {
                Ok(next) => {
                    instance.record_init();
                    return Ok(Self { instance, api, next });
                }
                Err(error) => Some(error),
            },
            _ = instance.wait() => None,
            () = sleep(function.init_timeout) => None,
        };
        let status = instance.kill().await;
        Err(InvokeError::Init { status, error, log: instance.log() })
    }

    /// Returns whether the instance still waits for an invocation; a test may have killed it.
    pub(super) fn is_alive(&self) -> bool {
        self.instance.is_running() && !self.next.is_closed()
    }

    pub(super) async fn invoke(
        self,
        function: &Function,
        payload: Bytes,
    ) -> (Result<Vec<u8>, InvokeError>, Option<Self>) {
        let Self { instance, mut api, next } = self;
        let deadline = SystemTime::now() + function.timeout;
        let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{}", function.name());
        let id = request_id();
        instance.thaw();
        // Fails if the instance has ended, which `wait` notices below.
        let _ = next.send(Invocation { id: id.clone(), deadline, arn, payload });

        let mut reply = None;
        let next = tokio::select! {
            next = wait_until_finished(&mut api, &id, &mut reply) => Some(next),
            _ = instance.wait() => None,
            () = sleep(function.timeout) => {
                instance.kill().await;
                return (Err(InvokeError::TimedOut), None);
            }
        };
        // Calls just before the end of the instance.
        while let Ok(call) = api.calls.try_recv() {
            handle_call(call, &id, &mut reply);
        }
        match (reply, next) {
            (Some(reply), Some(next)) => {
                if function.freezes {
                    instance.freeze();
                }
                (to_result(reply), Some(Self { instance, api, next }))
            }
            (Some(reply), None) => (to_result(reply), None),
            (None, _) => {
                let status = instance.kill().await;
                (Err(InvokeError::Crashed { status, log: instance.log() }), None)
            }
        }
    }
}

/// Waits until the instance asks for its first invocation, or reports that it cannot start.
async fn wait_until_ready(api: &mut RuntimeApi) -> Result<oneshot::Sender<Invocation>, FunctionError> {
    loop {
        match api.calls.recv().await {
            Some(Call::Next(next)) => return Ok(next),
            Some(Call::InitError(error)) => return Err(error),
            Some(Call::Reply { .. }) => {}
            // The server runs until it is dropped.
            None => std::future::pending().await,
        }
    }
}

/// Waits until the instance asks for its next invocation. Only then is the present one finished.
async fn wait_until_finished(
    api: &mut RuntimeApi,
    id: &str,
    reply: &mut Option<Reply>,
) -> oneshot::Sender<Invocation> {
    loop {
        match api.calls.recv().await {
            Some(call) => {
                if let Some(next) = handle_call(call, id, reply) {
                    return next;
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// Keeps the reply to the invocation `current`. Returns the sender for the next invocation if the instance asks for
/// it.
fn handle_call(call: Call, current: &str, kept: &mut Option<Reply>) -> Option<oneshot::Sender<Invocation>> {
    match call {
        Call::Next(next) => return Some(next),
        Call::Reply { id, reply } if id == current => *kept = Some(reply),
        Call::Reply { .. } | Call::InitError(_) => {}
    }
    None
}

fn to_result(reply: Reply) -> Result<Vec<u8>, InvokeError> {
    Ok(reply?.into())
}

/// Returns a request id in the form of a UUID, unique in this process.
fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012x}", COUNT.fetch_add(1, Ordering::Relaxed))
}
