//! What the simulation takes for true of AWS and of the database.

use std::time::Duration;

/// API Gateway.
#[derive(Clone, Copy)]
pub(crate) struct Gateway {
    /// Requests that an account may make in a region in a second (API Gateway quotas), and at once.
    pub(crate) rate: f64,
    pub(crate) burst: f64,
    /// What a post takes: this at least, and that on average.
    pub(crate) shortest: Duration,
    pub(crate) typically: Duration,
}

/// An instance of the function `broadcast`.
#[derive(Clone, Copy)]
pub(crate) struct Instance {
    /// In MB. At 1,769 an instance has one whole processor (Lambda developer guide, "Configure function memory").
    pub(crate) memory: u32,
    /// What a post takes of a whole processor, with TLS (`docs/benchmarks.md`).
    pub(crate) cpu_a_post: Duration,
    /// As `functions/broadcast/src/api_gateway.rs` has it.
    pub(crate) posts_at_once: usize,
    /// From a call until the function runs, where an instance is idle and where it must be started first.
    pub(crate) warm: Duration,
    pub(crate) cold: Duration,
}

impl Instance {
    /// What a post takes of the processor that this instance has.
    pub(crate) fn a_post(self) -> Duration {
        self.cpu_a_post.mul_f64((1769.0 / f64::from(self.memory)).max(1.0))
    }
}

/// The database.
#[derive(Clone, Copy)]
pub(crate) struct Store {
    /// A command, there and back.
    pub(crate) command: Duration,
    /// And for each connection read.
    pub(crate) document: Duration,
}

/// All of it.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) gateway: Gateway,
    pub(crate) instance: Instance,
    pub(crate) store: Store,
    /// `PostsPerSecond` of `template.yaml`.
    pub(crate) posts_per_second: u32,
    /// From an event to the call by an Atlas trigger.
    pub(crate) trigger: Duration,
    /// Requests of others a second.
    pub(crate) others: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            gateway: Gateway { rate: 10_000.0, burst: 5_000.0, shortest: millis(8), typically: millis(14) },
            instance: Instance {
                memory: 256,
                cpu_a_post: Duration::from_micros(75),
                posts_at_once: 100,
                warm: millis(30),
                cold: millis(300),
            },
            store: Store { command: millis(3), document: Duration::from_micros(20) },
            posts_per_second: 5_000,
            trigger: millis(200),
            others: 1_000,
        }
    }
}

impl Settings {
    /// As the options `--name=value` of the command line have them.
    pub(crate) fn from_options(arguments: &[String]) -> Result<Self, std::num::ParseIntError> {
        let mut settings = Self::default();
        for argument in arguments {
            let Some((name, value)) = argument.split_once('=') else { continue };
            let number = value.parse();
            match name {
                "--memory" => settings.instance.memory = number?,
                "--cpu-micros" => settings.instance.cpu_a_post = Duration::from_micros(number?.into()),
                "--posts-at-once" => settings.instance.posts_at_once = number? as usize,
                "--post-millis" => settings.gateway.typically = Duration::from_millis(number?.into()),
                "--posts-per-second" => settings.posts_per_second = number?,
                "--others" => settings.others = number?,
                _ => {}
            }
        }
        Ok(settings)
    }
}
