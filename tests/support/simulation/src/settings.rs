//! What is simulated.

use std::time::Duration;

/// The delays and the faults of a simulated replica set. The default is none: as fast as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Port on the loopback interface; 0 takes a free one.
    pub port: u16,
    /// The port by which clients know it, where that is another one: of a breaker, through which all of them go.
    pub known_as: Option<u16>,
    /// The time on the network: half of it before a request is looked at, half before its reply leaves.
    pub round_trip: Duration,
    /// From when a write is applied until a majority has it. A write with `w: majority` is answered then.
    pub majority_delay: Duration,
    /// From when a majority has a write until reads with `readConcern: majority`, and change streams, see it.
    /// More than a real primary does, which shows at once what it has acknowledged, unless it is newly elected.
    pub read_lag: Duration,
    /// How long there is no primary after [`fail_over`](crate::Simulation::fail_over) and
    /// [`restart`](crate::Simulation::restart); at least 20 ms where connections stay open.
    pub election: Duration,
    /// How those learn of a fail-over who were waiting for a majority.
    pub interruption: Interruption,
    /// Whether there are change streams; a standalone server has none.
    pub change_streams: bool,
    /// Ends delays within microseconds rather than a quarter of a millisecond late, by not sleeping for the last
    /// 300 microseconds of each: it takes the time of a core.
    pub precise: bool,
    /// Threads that serve requests; all state is behind one lock, so that few are enough.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            known_as: None,
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

/// What a writer gets whose write was waiting for a majority when the primary stepped down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Nothing: all connections are closed, as when a primary crashes.
    Disconnect,
    /// An error instead of a result (`ok: 0`). Connections stay open.
    CommandError(StateChange),
    /// A result with a `writeConcernError` beside it (`ok: 1`), as MongoDB answers when a primary steps down.
    /// Connections stay open.
    WriteConcernError(StateChange),
}

/// The errors of a member that is no longer, or not yet, the primary.
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

/// What is left of the writes that no majority had when the server was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All: they were on its disk, and it became the primary again. A majority has them a delay later.
    Local,
    /// None: another member without them took over.
    MajorityCommitted,
}
