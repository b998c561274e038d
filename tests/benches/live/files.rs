//! How many files a process may have open: a socket is one, here and in the server.

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open beside the sockets, at most.
const OTHERS: u64 = 200;

/// Raises the limit of this process, and of those that it will start, so that it has so many sockets.
pub(crate) fn allow(sockets: usize) -> Result<()> {
    let wanted = sockets as u64 + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    ensure!(
        maximum.is_none_or(|maximum| maximum >= wanted),
        "a process may have {maximum:?} files open at most"
    );
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?)
}
