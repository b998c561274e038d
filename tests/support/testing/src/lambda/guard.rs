//! The guard of a function's instances.
//!
//! **Invariant:** no instance outlives the test. All instances of a function are in the process group of one shell,
//! which is a [`Process`]. At the end of its input the shell kills its group: frozen, busy and stuck instances, and
//! itself. An instance outlives the test only if another process kills the shell first.

use std::process::{Command, Stdio};

use crate::process::Process;

const GUARD: &str = "while read -r _; do :; done; kill -9 0";

/// A process group that is killed when this is dropped.
pub(super) struct Guard(Process);

impl Guard {
    pub(super) fn start() -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", GUARD]).stdout(Stdio::null()).stderr(Stdio::null());
        Self(Process::spawn(&mut shell).expect("sh"))
    }

    /// Returns the id of the process group.
    pub(super) fn group(&self) -> i32 {
        self.0.id().cast_signed()
    }
}
