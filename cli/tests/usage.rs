//! Help, and what is no usage at all.

use std::process::{Command, Output};

fn eventlog(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eventlog"));
    command.args(arguments).env("MONGODB_URI", "mongodb://user:hunter2@localhost");
    command.output().expect("the program")
}

#[test]
fn every_level_has_help_and_no_secret_in_it() {
    for arguments in [
        &["--help"][..],
        &["help"],
        &["dev", "--help"],
        &["help", "dev"],
        &["verify", "-h"],
        &["export", "-h"],
        &["import", "-h"],
        &["tail", "-h"],
    ] {
        let output = eventlog(arguments);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && text.contains("Usage: eventlog"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn wrong_usage_is_status_2_and_goes_to_stderr() {
    let durable = ["dev", "--durable", "--mongodb-uri", "mongodb://localhost"];
    for arguments in [
        &[][..],
        &["nonsense"],
        &["dev", "--port", "x"],
        &["dev", "--port", "65536"],
        &durable,
        &["verify", "a", "b"],
        &["verify", "a", "--data", "b"],
        &["verify", "a", "--mongodb-uri", "mongodb://localhost"],
        &["verify", "--data", "b", "--mongodb-uri", "mongodb://localhost"],
        &["dev", "--data", "b", "--mongodb-uri", "mongodb://localhost"],
        &["export", "--json"],
        &["import"],
        &["tail", "--after", "x"],
        &["tail", "--after", "64fdc8e5a835b1c4d6c5693f", "--from-start"],
        &["tail", "--limit", "0"],
        &["tail", "--timing", "idle"],
        &["tail", "--token", "x"],
        &["tail", "a", "b"],
    ] {
        let Output { status, stdout, stderr } = eventlog(arguments);
        let errors = String::from_utf8(stderr).expect("text");
        assert_eq!(status.code(), Some(2), "{errors}");
        assert!(stdout.is_empty() && errors.contains("--help"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

/// Else an import would go into another log than the one that was named.
#[test]
fn what_is_said_goes_before_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("log").display().to_string();
    let Output { status, stderr, .. } = eventlog(&["verify", "--data", &folder]);
    assert_eq!(status.code(), Some(2));
    let errors = String::from_utf8(stderr).expect("text");
    assert_eq!(errors, format!("error: there is no log in the folder {folder}\n"));
    let Output { status, .. } = eventlog(&["import", "/dev/null", "--data", &folder]);
    assert_eq!(status.code(), Some(0), "it goes into the folder");
}
