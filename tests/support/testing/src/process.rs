//! Child processes: servers, and the tools that build them.
//!
//! **Invariant:** a [`Process`] ends with this process, even after `kill -9`. A child's standard input is a pipe
//! whose other end only this process holds, so the system closes it. The child ends at the end of its input. For Unix
//! only.

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
    /// Starts a child in a process group of its own, so that Ctrl-C does not end it before its clean-up.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        command.process_group(0).stdin(Stdio::piped()).spawn().map(Self)
    }

    /// Returns the id of the child, which is that of its process group too.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills the child and waits for its end.
    pub(crate) fn kill(mut self) {
        // Fails if the child has ended already.
        let _ = self.0.kill();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closes the child's standard input first.
        let _ = self.0.wait();
    }
}

/// Starts a server that prints its port on one line when it is ready, and waits for that line.
pub(crate) fn start_server(mut command: Command, timeout: Duration) -> Result<(Process, u16), String> {
    let (output, input) = io::pipe().map_err(|error| error.to_string())?;
    let same_input = input.try_clone().map_err(|error| error.to_string())?;
    command.stdout(input).stderr(same_input);
    let process = Process::spawn(&mut command).map_err(|error| error.to_string())?;
    // The command holds the writing end of the pipe; while that is open, the reader sees no end.
    drop(command);

    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(read_port(BufReader::new(output))));
    let port = receiver.recv_timeout(timeout);
    let port = port.unwrap_or_else(|_| Err(format!("not ready after {} s", timeout.as_secs())))?;
    Ok((process, port))
}

/// Returns the port that a child prints. Without one, the error has the last three lines of the output.
fn read_port(output: impl BufRead) -> Result<u16, String> {
    let mut lines = Vec::new();
    for line in output.lines().map_while(Result::ok) {
        match line.parse() {
            Ok(port) => return Ok(port),
            // Java prints options from the environment, which may contain a proxy's password.
            Err(_) if line.starts_with("Picked up ") => {}
            Err(_) => lines.push(line),
        }
    }
    Err(lines.split_off(lines.len().saturating_sub(3)).join(" / "))
}

/// Runs a command without its output, and returns whether it succeeded. Build tools print the URLs of private proxies
/// and repositories with their passwords.
pub(crate) fn run_silently(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub(crate) fn require_on_path(program: &str) -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if found { Ok(()) } else { Err(format!("{program} is not on the PATH")) }
}

/// Returns cargo's target folder: the configured one, or the one that contains this program.
pub(crate) fn target_folder() -> Result<PathBuf, String> {
    // A relative path starts at cargo's working directory, which a test does not know.
    if let Some(set) = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|set| set.is_absolute()) {
        return Ok(set);
    }
    let program =
        env::current_exe().map_err(|error| format!("failed to read the path of this program: {error}"))?;
    let is_profile = |folder: &&Path| folder.ends_with("debug") || folder.ends_with("release");
    let profile = program.ancestors().find(is_profile);
    let target = profile.and_then(Path::parent).map(Path::to_owned);
    target.ok_or_else(|| "unknown target folder: set CARGO_TARGET_DIR to an absolute path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_port_skips_warnings_and_returns_the_last_of_them_without_a_port() {
        assert_eq!(read_port(&b"a warning\n40123\nmore\n"[..]), Ok(40123));
        let failure = &b"Picked up JAVA_TOOL_OPTIONS: secret\none\ntwo\nthree\nfour\n"[..];
        assert_eq!(read_port(failure), Err("two / three / four".to_owned()));
    }
}
