//! The programs of this workspace, for tests that run them as processes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns the path of a program of this workspace, built from the present sources in the profile of the running
/// test.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(build).join(name);
    assert!(path.is_file(), "no program {name} in the target folder");
    path
}

/// Builds all programs and returns their folder. Does nothing within `cargo test --workspace`, since each package
/// with a program has a test of it. `cargo build` would compile some dependencies again, with other features.
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/test").to_owned();
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["test", "--quiet", "--workspace", "--no-run"]);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    // These variables describe this test's package. Build scripts such as ring's would take them for a change, and
    // cargo would compile ring and its dependents again, here and at the next `cargo test`.
    let is_of_this_package =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_this_package)) {
        cargo.env_remove(name);
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo").success(), "failed to build the programs");
    folder
}
