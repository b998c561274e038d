//! An instance that has asked for its next invocation, and what comes of it. An invocation takes it and, if all
//! went well, gives it back: nobody can invoke one that is busy or gone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::guard::Guard;
use super::runtime_api::{Call, Invocation, RuntimeApi};
use super::{Function, FunctionError, Instance, InvokeError};

pub(super) struct Idle {
    instance: Instance,
    api: RuntimeApi,
    next: oneshot::Sender<Invocation>,
}

type Answer = Result<Bytes, FunctionError>;

impl Idle {
    /// A cold start. `started` is told of the process at once, so that it can be looked at and killed.
    pub(super) async fn start(
        function: &Function,
        guard: &Guard,
        started: impl FnOnce(Instance),
    ) -> Result<Self, InvokeError> {
        let mut api = RuntimeApi::open().await;
        let instance = Instance::spawn(function, guard, api.address);
        started(instance.clone());
        let error = tokio::select! {
            call = first_call(&mut api) => match call {
                Ok(next) => {
                    instance.is_ready();
                    return Ok(Self { instance, api, next });
                }
                Err(error) => Some(error),
            },
            _ = instance.ended() => None,
            () = sleep(function.init_timeout) => None,
        };
        let status = instance.kill().await;
        Err(InvokeError::Init { status, error, log: instance.log() })
    }

    /// Whether it still waits: it may have been killed.
    pub(super) fn is_there(&self) -> bool {
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
        // If it was killed by now, its end is seen below.
        let _ = next.send(Invocation { id: id.clone(), deadline, arn, payload });

        let mut answer = None;
        let next = tokio::select! {
            next = finished(&mut api, &id, &mut answer) => Some(next),
            _ = instance.ended() => None,
            () = sleep(function.timeout) => {
                instance.kill().await;
                return (Err(InvokeError::TimedOut), None);
            }
        };
        // What it said just before its end.
        while let Ok(call) = api.calls.try_recv() {
            note(call, &id, &mut answer);
        }
        match (answer, next) {
            (Some(answer), Some(next)) => {
                if function.freezes {
                    instance.freeze();
                }
                (result(answer), Some(Self { instance, api, next }))
            }
            (Some(answer), None) => (result(answer), None),
            (None, _) => {
                let status = instance.kill().await;
                (Err(InvokeError::Crashed { status, log: instance.log() }), None)
            }
        }
    }
}

/// Waits until the instance is ready, or says that it will not be.
async fn first_call(api: &mut RuntimeApi) -> Result<oneshot::Sender<Invocation>, FunctionError> {
    loop {
        match api.calls.recv().await {
            Some(Call::Next(next)) => return Ok(next),
            Some(Call::InitError(error)) => return Err(error),
            Some(Call::Answer { .. }) => {}
            // The server runs as long as it is not dropped.
            None => std::future::pending().await,
        }
    }
}

/// Waits until the instance asks for the next invocation: only then it has nothing more to do for this one.
async fn finished(
    api: &mut RuntimeApi,
    id: &str,
    answer: &mut Option<Answer>,
) -> oneshot::Sender<Invocation> {
    loop {
        match api.calls.recv().await {
            Some(call) => {
                if let Some(next) = note(call, id, answer) {
                    return next;
                }
            }
            None => std::future::pending().await,
        }
    }
}

fn note(call: Call, of: &str, noted: &mut Option<Answer>) -> Option<oneshot::Sender<Invocation>> {
    match call {
        Call::Next(next) => return Some(next),
        Call::Answer { id, answer } if id == of => *noted = Some(answer),
        Call::Answer { .. } | Call::InitError(_) => {}
    }
    None
}

fn result(answer: Answer) -> Result<Vec<u8>, InvokeError> {
    Ok(answer?.into())
}

/// Of the form of a UUID; unique in this process.
fn request_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-4000-8000-{:012x}", COUNT.fetch_add(1, Ordering::Relaxed))
}
