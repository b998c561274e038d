//! The real programs, for tests that run them as processes of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of a program of this workspace, built from the sources as they are now, in the profile of the
/// running test.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let path = FOLDER.get_or_init(build).join(name);
    assert!(path.is_file(), "there is no program {name}");
    path
}

/// Builds all programs, as `cargo test --workspace` has done already if that is what is running: each package
/// with a program has a test of it. (`cargo build` would compile some dependencies with other features.)
fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/test").to_owned();
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(["test", "--quiet", "--workspace", "--no-run"]);
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."));
    // What cargo tells this test of its package is another thing than what it tells a build script of its own: ring's
    // would take it for a change, and what stands on ring be compiled anew, here and at the next `cargo test`.
    let of_this_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_package)) {
        cargo.env_remove(name);
    }
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo").success(), "the programs cannot be built");
    folder
}
