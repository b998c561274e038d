//! What the commands say of foreign, empty and damaged input, and backups of a log in use.

use std::process::Output;

use eventlog_chain::{Draft, EventId, Payload, Timestamp, Tip};
use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tempfile::NamedTempFile;

use crate::client::{Client, new_event};
use crate::system::{Backend, Data, eventlog};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("verify_refuses_input_without_events", nothing),
        trial("verify_refuses_an_id_that_stands_twice", repeated_id),
        trial("verify_and_import_name_foreign_formats", foreign_formats),
        trial("commands_print_no_control_characters_of_foreign_text", control_characters),
        trial("backup_of_a_log_in_use_is_whole", backup_in_use),
        trial("backup_leaves_an_existing_file_as_it_is", backup_over_a_file),
        trial("verification_window_ends_by_bytes", large_window),
    ]
}

struct Verdict {
    code: Option<i32>,
    text: String,
}

async fn run(mut command: tokio::process::Command) -> Verdict {
    let Output { status, stdout, stderr } = within("the end", command.output()).await.expect("a process");
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    Verdict { code: status.code(), text }
}

fn file(content: impl AsRef<[u8]>) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), content).expect("written");
    file
}

/// `eventlog COMMAND FILE`, with a fresh log for `import`.
async fn on_file(command: &str, content: impl AsRef<[u8]>, json: bool) -> Verdict {
    let (file, data) = (file(content), Data::fresh(Backend::Sqlite));
    let mut run_on = if command == "import" { data.command(&[command]) } else { eventlog(&[command]) };
    run_on.arg(file.path());
    if json {
        run_on.arg("--json");
    }
    run(run_on).await
}

async fn nothing() {
    for json in [false, true] {
        let verdict = on_file("verify", "", json).await;
        assert_eq!(verdict.code, Some(1), "{}", verdict.text);
        assert!(verdict.text.contains("no event"), "{}", verdict.text);
    }
    assert_eq!(run(eventlog(&["verify", "-"])).await.code, Some(1));
    let data = Data::fresh(Backend::Sqlite);
    data.serve().await.kill().await;
    assert_eq!(run(data.command(&["verify"])).await.code, Some(1));
}

fn draft(id: u8, text: &str) -> Draft {
    let payload = format!(r#"{{"text":"{text}"}}"#);
    Draft {
        id: EventId([id; 12]),
        event_type: "Test".into(),
        source_app_id: "App1".into(),
        data_payload: Payload::parse(&payload, 64).expect("a payload"),
    }
}

async fn repeated_id() {
    let now = Timestamp::from_millis(1_732_264_325_391).expect("a time");
    let (mut tip, mut lines) = (None, String::new());
    for (id, text) in [(1, "a"), (2, "b"), (1, "c")] {
        let event = draft(id, text).link(tip, now);
        tip = Some(Tip::from(&event));
        lines += &(event.to_json() + "\n");
    }
    let verdict = on_file("verify", &lines, false).await;
    assert_eq!(verdict.code, Some(1), "{}", verdict.text);
    assert!(verdict.text.contains("line 3") && verdict.text.contains("same _id"), "{}", verdict.text);
}

async fn foreign_formats() {
    let cases: [(&[u8], &str); 4] = [
        (b"\x1f\x8b\x08\x00\x00", "gunzip"),
        (b"\xef\xbb\xbf{}\n", "byte order mark"),
        (b"\xff\xfe{\x00", "UTF-16"),
        (b"[{\"_id\":\"64fdc8e5a835b1c4d6c5693f\"}]", "JSON array"),
    ];
    for (content, part) in cases {
        for command in ["verify", "import"] {
            let verdict = on_file(command, content, false).await;
            assert_eq!(verdict.code, Some(1), "{command}: {}", verdict.text);
            assert!(verdict.text.contains(part), "{command}: {}", verdict.text);
        }
    }
}

async fn control_characters() {
    let forged = "{\"\\u001b[2K\\u001b[1Gvalid: 9 events\\u202e\\u009b\":1}\n";
    for (command, json) in [("verify", false), ("verify", true), ("import", false), ("import", true)] {
        let verdict = on_file(command, forged, json).await;
        assert_eq!(verdict.code, Some(1), "{command}: {}", verdict.text);
        let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!verdict.text.contains(is_bad), "{command}: {:?}", verdict.text);
    }
}

async fn backup_in_use() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let port = system.port;
    let writers: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn(async move {
                let mut client = Client::connect(port).await;
                while client.try_log("busy", r#"{"text":"some text"}"#).await.is_some() {}
            })
        })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..20 {
        let acknowledged =
            system.client().await.get("/chain").await.json()["length"].as_u64().expect("a length");
        let restored = folder.path().join(round.to_string());
        std::fs::create_dir(&restored).expect("a folder");
        let mut backup = data.command(&["backup"]);
        backup.arg(restored.join("events.db"));
        let made = run(backup).await;
        assert_eq!(made.code, Some(0), "{}", made.text);
        let mut verify = eventlog(&["verify", "--json", "--data"]);
        verify.arg(&restored);
        let verdict = run(verify).await;
        assert_eq!(verdict.code, Some(0), "{}", verdict.text);
        let report: serde_json::Value = verdict.text.lines().next().expect("a line").parse().expect("JSON");
        assert!(report["checked"].as_u64().expect("a number") >= acknowledged, "{report} {acknowledged}");
    }
    system.kill().await;
    for writer in writers {
        writer.await.expect("a writer");
    }
}

async fn backup_over_a_file() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    system.client().await.log("one", "{}").await;
    let existing = file("something");
    let mut backup = data.command(&["backup"]);
    backup.arg(existing.path());
    let refused = run(backup).await;
    assert_eq!(refused.code, Some(2), "{}", refused.text);
    assert_eq!(std::fs::read(existing.path()).expect("read"), b"something");
}

async fn large_window() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let body = format!("[{}]", vec![new_event("large", &payload); 25].join(","));
    for _ in 0..8 {
        assert_eq!(client.post(&body).await.status, 201);
    }
    let (mut path, mut checked, mut windows) = ("/chain/verify?limit=10000".to_owned(), 0, 0);
    loop {
        let answer = client.get(&path).await.json();
        assert_eq!(answer["valid"], true, "{answer}");
        checked += answer["checked"].as_u64().expect("a number");
        windows += 1;
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/chain/verify?limit=10000&after={next}");
    }
    assert_eq!(checked, 200);
    assert!(windows > 1, "20 MB are more than one window");
}
