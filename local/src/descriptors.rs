//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is asked for where the hard limit allows it. Connections take memory too.
const WANTED: u64 = 65_536;
/// The most that macOS grants where it names no hard limit (`OPEN_MAX`).
const WANTED_AT_LEAST: u64 = 10_240;
/// Descriptors that are kept for the store and for what the runtime opens.
const RESERVED: u64 = 128;

/// Raises the soft limit of open files, which most systems set to 1,024 or less, as far as it is useful and allowed.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    for wanted in [WANTED, WANTED_AT_LEAST] {
        let wanted = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
        let is_enough = limit.current.is_none_or(|current| current >= wanted);
        let raised = Rlimit { current: Some(wanted), ..limit };
        if is_enough || setrlimit(Resource::Nofile, raised).is_ok() {
            return;
        }
    }
    tracing::warn!(limit = limit.current, "failed to raise the limit of open files; it stays as it is");
}

/// Returns how many connections may be open at once: what the limit of open files leaves.
pub(crate) fn max_connections() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(WANTED).min(WANTED);
    usize::try_from(limit - RESERVED.min(limit / 2)).unwrap_or(usize::MAX)
}
