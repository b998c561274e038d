//! Settings of a simulation.

use std::time::Duration;

/// The delays and the faults of a simulated replica set. The default has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Port on the loopback interface; 0 selects a free one.
    pub port: u16,
    /// Port that `hello` and the connection string name, if it is another one: that of a proxy in front.
    pub advertised_port: Option<u16>,
    /// Simulated network time: half of it passes before a request is read, half before its reply is sent.
    pub round_trip: Duration,
    /// Time until a majority has an applied write. A write with `w: majority` is acknowledged then.
    pub majority_delay: Duration,
    /// Time until majority reads and change streams show a write that a majority has. A real primary shows an
    /// acknowledged write at once, unless it is newly elected.
    pub read_lag: Duration,
    /// Time without a primary after [`fail_over`](crate::Simulation::fail_over) and
    /// [`restart`](crate::Simulation::restart); at least 20 ms if connections stay open.
    pub election: Duration,
    /// The reply to a write that waits for a majority during a fail-over.
    pub interruption: Interruption,
    /// Whether change streams are supported; a standalone server has none.
    pub change_streams: bool,
    /// Ends delays within microseconds, not a quarter of a millisecond late. The last 300 microseconds of each delay
    /// are a busy wait, which occupies a core.
    pub precise: bool,
    /// Threads that serve requests. One lock protects all state, so a few are enough.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            advertised_port: None,
            round_trip: Duration::ZERO,
            majority_delay: Duration::ZERO,
            read_lag: Duration::ZERO,
            election: Duration::ZERO,
            interruption: Interruption::Disconnect,
            change_streams: true,
            precise: false,
            threads: 1,
        }
    }
}

/// The reply to a write that waits for a majority when the primary steps down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// No reply: all connections are closed, as after a crash.
    Disconnect,
    /// An error reply (`ok: 0`). Connections stay open.
    CommandError(StateChange),
    /// A result (`ok: 1`) with a `writeConcernError`, as MongoDB replies when a primary steps down.
    /// Connections stay open.
    WriteConcernError(StateChange),
}

/// The errors of a member that is not, or no longer, the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateChange {
    /// Code 189.
    PrimarySteppedDown,
    /// Code 10107.
    NotWritablePrimary,
    /// Code 11602.
    InterruptedDueToReplStateChange,
}

impl StateChange {
    pub(crate) fn code_and_name(self) -> (i32, &'static str) {
        match self {
            Self::PrimarySteppedDown => (189, "PrimarySteppedDown"),
            Self::NotWritablePrimary => (10107, "NotWritablePrimary"),
            Self::InterruptedDueToReplStateChange => (11602, "InterruptedDueToReplStateChange"),
        }
    }
}

/// The state that a server has after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartState {
    /// All writes: they were on its disk, and it became the primary again. A majority has them after the delay.
    Local,
    /// Only the writes that a majority had: another member became the primary.
    MajorityCommitted,
}
