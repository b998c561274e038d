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
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo").success(), "the programs cannot be built");
    folder
}
