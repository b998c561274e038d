//! No instance outlives the test.
//!
//! All instances of a function are in the process group of one shell, whose standard input is a pipe that only
//! this process holds. The system closes it when this process ends, even by `kill -9`; the shell sees the end
//! of its input and kills its group, itself included: also who is frozen, busy or stuck. An instance could
//! outlive this process only if somebody else kills that shell first.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

const GUARD: &str = "while read -r _; do :; done; kill -9 0";

/// Kills the group when dropped.
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn start() -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(shell.spawn().expect("sh"))
    }

    /// The process group that an instance must be in.
    pub(super) fn group(&self) -> i32 {
        self.0.id().cast_signed()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Closes its standard input first. There is nobody to tell about an error.
        let _ = self.0.wait();
    }
}
