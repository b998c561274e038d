//! The files of the embedded database, and what happens to them under a running server.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Stdio;

use eventlog_testing::{binary, trial, within};
use futures_util::future::join_all;
use libtest_mimic::Trial;
use rusqlite::Connection;
use tokio::process::Command;

use crate::client::{Client, new_event};
use crate::system::{Backend, Data, System};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("server_acknowledges_nothing_once_its_files_are_replaced", replaced),
        trial("server_continues_once_its_files_are_back", put_back),
        trial("log_survives_the_removal_of_its_write_ahead_log", without_write_ahead_log),
        trial("append_is_refused_while_another_process_holds_the_lock", locked),
        trial("server_survives_the_file_size_limit", file_size_limit),
        trial("reads_are_answered_with_few_open_files", few_files),
        trial("damaged_file_is_damage_on_every_command_and_route", damaged),
    ]
}

const DATABASE: &str = "events.db";

fn remove_folder(folder: &Path) {
    fs::remove_dir_all(folder).expect("removed");
}

fn remove_database(folder: &Path) {
    fs::remove_file(folder.join(DATABASE)).expect("removed");
}

fn replace_database(folder: &Path) {
    fs::copy(folder.join(DATABASE), folder.join("other.db")).expect("copied");
    fs::rename(folder.join("other.db"), folder.join(DATABASE)).expect("renamed");
}

fn remove_index(folder: &Path) {
    fs::remove_file(folder.join("events.db-shm")).expect("removed");
}

async fn replaced() {
    for damage in [remove_folder, remove_database, replace_database, remove_index] {
        let data = Data::fresh(Backend::Sqlite);
        let system = data.serve().await;
        let mut client = system.client().await;
        client.log("before", "{}").await;
        damage(data.folder());
        for _ in 0..3 {
            let answer = client.post(new_event("after", "{}")).await;
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert_eq!(client.get("/health").await.status, 503);
        }
        let (status, stderr) = system.signal("TERM").await;
        assert_eq!(status, Some(2), "{stderr}");
        let logged = stderr.matches("a file of the log was removed or replaced").count();
        assert_eq!(logged, 1, "{stderr}");
    }
}

async fn put_back() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.log("before", "{}").await;
    let aside = data.folder().join("aside.db");
    fs::rename(data.folder().join(DATABASE), &aside).expect("renamed");
    assert_eq!(client.post(new_event("meanwhile", "{}")).await.status, 503);
    fs::rename(&aside, data.folder().join(DATABASE)).expect("renamed");
    let second = client.log("after", "{}").await;
    assert_eq!(client.check_log().await, [first, second]);
}

async fn without_write_ahead_log() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.log("before", "{}").await;
    fs::remove_file(data.folder().join("events.db-wal")).expect("removed");
    assert_eq!(client.post(new_event("after", "{}")).await.status, 503);
    system.kill().await;
    assert_eq!(data.serve().await.client().await.check_log().await, [first]);
}

async fn locked() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    system.client().await.log("before", "{}").await;
    let other = Connection::open(data.folder().join(DATABASE)).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let posts = (0..8).map(async |n| {
        let mut client = Client::connect(system.port).await;
        client.post(new_event(&format!("refused{n}"), "{}")).await.status
    });
    assert_eq!(within("refusals", join_all(posts)).await, [503; 8]);
    other.execute_batch("COMMIT").expect("the lock is free");
    let mut client = system.client().await;
    client.log("after", "{}").await;
    // A refused append is not done later.
    assert_eq!(client.check_log().await.len(), 2);
}

/// A server whose process may not exceed a limit of the shell's `ulimit`.
async fn serve_with_limit(data: &Data, limit: &str) -> System {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$@\""), "sh"]).arg(binary("eventlog"));
    command.args(["dev", "--port", "0", "--data"]).arg(data.folder()).env_remove("MONGODB_URI");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    System::start(command).await
}

async fn file_size_limit() {
    let data = Data::fresh(Backend::Sqlite);
    // In blocks of 512 bytes.
    let system = serve_with_limit(&data, "-f 2000").await;
    let mut client = system.client().await;
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let mut logged = 0;
    let refused = loop {
        let answer = client.post(new_event("large", &payload)).await;
        if answer.status != 201 {
            break answer;
        }
        logged += 1;
    };
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(logged > 0);
    assert_eq!(client.check_log().await.len(), logged);
}

async fn few_files() {
    let data = Data::fresh(Backend::Sqlite);
    let system = serve_with_limit(&data, "-n 256").await;
    system.client().await.log("one", "{}").await;
    let mut clients = Vec::new();
    for _ in 0..150 {
        clients.push(system.client().await);
    }
    let reads = clients.iter_mut().map(async |client| client.get("/events").await.status);
    assert_eq!(join_all(reads).await, vec![200; 150]);
}

async fn damaged() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let body = format!("[{}]", vec![new_event("many", r#"{"text":"some text"}"#); 500].join(","));
    for _ in 0..4 {
        assert_eq!(client.post(&body).await.status, 201);
    }
    assert_eq!(system.signal("TERM").await.0, Some(0));
    let database = data.folder().join(DATABASE);
    let whole = fs::metadata(&database).expect("a file").len();
    OpenOptions::new().write(true).open(&database).expect("a file").set_len(whole / 2).expect("cut off");
    for command in [&["export", "-"][..], &["verify"], &["dev", "--port", "0"]] {
        let output = within("the end", data.command(command).output()).await.expect("a process");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {stderr}");
        assert!(!stderr.contains("unavailable"), "{command:?}: {stderr}");
    }
}
