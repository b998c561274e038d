//! Servers as processes of their own, for tests.
//!
//! **Invariant:** what is started here ends with this process, however this process ends. Each child's
//! standard input is a pipe whose other end only this process holds, which the system closes even after
//! `kill -9`. The end of its input is the child's sign to stop. All of this is for Unix only.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A child that ends at the end of its standard input.
pub(crate) struct Process(Child);

impl Process {
    /// SIGKILL; returns when it has ended.
    pub(crate) fn kill(mut self) {
        // It fails when the child has ended already.
        let _ = self.0.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closes the child's standard input first. There is nobody to tell about an error.
        let _ = self.0.wait();
    }
}

/// Starts a child that prints a port number on a line of its own when it is ready, and waits for that line.
pub(crate) fn launch(mut command: Command, patience: Duration) -> Result<(Process, u16), String> {
    let (output, input) = io::pipe().map_err(|error| error.to_string())?;
    let same_input = input.try_clone().map_err(|error| error.to_string())?;
    // A group of its own, so that a Ctrl-C which ends the tests leaves a script alive to clean up.
    command.process_group(0).stdin(Stdio::piped()).stdout(input).stderr(same_input);
    let process = Process(command.spawn().map_err(|error| error.to_string())?);
    // It holds the writing end of the pipe, without which the reader below would never see the end.
    drop(command);

    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(read_port(BufReader::new(output))));
    let waited = receiver.recv_timeout(patience);
    let port = waited.unwrap_or_else(|_| Err(format!("not ready after {} s", patience.as_secs())))?;
    Ok((process, port))
}

/// The port that a child prints, or else the last of what it said instead.
fn read_port(output: impl BufRead) -> Result<u16, String> {
    let mut said = Vec::new();
    for line in output.lines().map_while(Result::ok) {
        match line.parse() {
            Ok(port) => return Ok(port),
            // How Java repeats options from the environment, which may hold a proxy's password.
            Err(_) if line.starts_with("Picked up ") => {}
            Err(_) => said.push(line),
        }
    }
    Err(said.split_off(said.len().saturating_sub(3)).join(" / "))
}

pub(crate) fn require_on_path(program: &str) -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if found { Ok(()) } else { Err(format!("{program} is not on the PATH")) }
}

/// Cargo's target folder: as it is set, or the one that this program was built into.
pub(crate) fn target_folder() -> Result<PathBuf, String> {
    // A relative setting counts from where cargo was called, which a test does not know.
    if let Some(set) = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|set| set.is_absolute()) {
        return Ok(set);
    }
    let program = env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let is_profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
    let profile = program.ancestors().find(is_profile);
    let target = profile.and_then(Path::parent).map(Path::to_owned);
    target.ok_or_else(|| "no target folder is known: set CARGO_TARGET_DIR to an absolute path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_found_among_warnings_and_their_end_is_kept_without_one() {
        assert_eq!(read_port(&b"a warning\n40123\nmore\n"[..]), Ok(40123));
        let failure = &b"Picked up JAVA_TOOL_OPTIONS: secret\none\ntwo\nthree\nfour\n"[..];
        assert_eq!(read_port(failure), Err("two / three / four".to_owned()));
    }
}
