//! A simulated Lambda: instances that run the function `broadcast`, each one call at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use eventlog_aws::NotInvoked;
use eventlog_broadcast::{Broadcast, Colleagues, Known, WakeUp};
use eventlog_lambda::Mode;
use eventlog_ledger::broadcast::Every;
use eventlog_ledger::{EventStore, Shard};
use eventlog_store_sqlite::{Connections, Events};
use eventlog_testing::Random;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::gateway::{Gateway, Line};
use super::settings::Settings;
use super::store::Far;

/// As `functions/broadcast/src/main.rs` has it.
const LOOK: Duration = Duration::from_millis(250);

type Instance = Broadcast<Far<Events>, Far<Connections>, Line, Caller>;

/// The function, with all its instances.
pub(crate) struct Lambda {
    pub(crate) log: Far<Events>,
    pub(crate) connections: Far<Connections>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) settings: Settings,
    pub(crate) mode: Mode,
    /// Of the function.
    pub(crate) timeout: Duration,
    pub(crate) fleet: Fleet,
}

/// What there is of instances and runs.
#[derive(Default)]
pub(crate) struct Fleet {
    idle: Mutex<Vec<Arc<Instance>>>,
    runs: Mutex<JoinSet<()>>,
    pub(crate) started: AtomicU64,
    pub(crate) instances: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// How an instance calls in others.
pub(crate) struct Caller(Arc<Lambda>);

impl Colleagues for Caller {
    async fn call_in(&self, shard: Shard) -> Result<(), NotInvoked> {
        self.0.invoke(WakeUp::Serve(shard));
        Ok(())
    }
}

impl Lambda {
    /// Starts a run and does not wait for it.
    pub(crate) fn invoke(self: &Arc<Self>, wake_up: WakeUp) {
        let run = self.clone().run(wake_up);
        let mut runs = self.fleet.runs.lock().unwrap_or_else(PoisonError::into_inner);
        while runs.try_join_next().is_some() {}
        runs.spawn(run);
    }

    async fn run(self: Arc<Self>, wake_up: WakeUp) {
        self.fleet.started.fetch_add(1, Ordering::Relaxed);
        let instance = self.instance().await;
        let deadline = SystemTime::now() + self.timeout;
        let ended = match self.mode {
            Mode::Trigger => {
                let alarm = || std::future::ready(Ok(Every::new(LOOK)));
                instance.handle(wake_up, alarm, self.mode, deadline).await
            }
            Mode::Polling => {
                // A future of its own: one that borrows could not be sent to another thread.
                let log = self.log.clone();
                let alarm = move || {
                    let log = log.clone();
                    async move { log.alarm().await }
                };
                instance.handle(wake_up, alarm, self.mode, deadline).await
            }
        };
        if let Err(error) = ended {
            self.fleet.failures.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
        }
        self.fleet.idle.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
    }

    /// One that is idle, or a new one. Which of several, Lambda does not say: chance decides.
    async fn instance(self: &Arc<Self>) -> Arc<Instance> {
        let idle = {
            let mut idle = self.fleet.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let seed = self.fleet.started.load(Ordering::Relaxed);
            let one = Random::new(seed).below(idle.len() as u64) as usize;
            (!idle.is_empty()).then(|| idle.swap_remove(one))
        };
        if let Some(instance) = idle {
            sleep(self.settings.instance.warm).await;
            return instance;
        }
        self.fleet.instances.fetch_add(1, Ordering::Relaxed);
        sleep(self.settings.instance.cold).await;
        Arc::new(Broadcast {
            log: self.log.clone(),
            connections: self.connections.clone(),
            push: Line::new(&self.gateway, self.settings.instance),
            posts_per_second: self.settings.posts_per_second,
            colleagues: Caller(self.clone()),
            known: Known::default(),
        })
    }

    /// Stops all runs. Answers the errors with which runs ended.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let mut runs = std::mem::take(&mut *self.fleet.runs.lock().unwrap_or_else(PoisonError::into_inner));
        runs.shutdown().await;
        self.fleet.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        std::mem::take(&mut *self.fleet.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
