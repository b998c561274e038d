//! A log of more than one page, and of more than one window.

use std::fs::File;

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{Ended, chain, lines, path, run, succeed, written};
use crate::system::{Backend, Data};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_long_log_is_exported_and_verified_to_its_end", long_log),
        trial("two_exports_do_not_write_one_file", one_at_a_time),
    ]
}

/// More events than `verify` looks at in one window, and then more bytes than `export` reads at a time.
async fn long_log() {
    const SMALL: u32 = 10_500;
    let data = Data::fresh(Backend::Sqlite);
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let events = chain(std::iter::repeat_n("{}", SMALL as usize).chain(std::iter::repeat_n(&*large, 50)));
    let text = lines(&events);
    let file = written(&data, "made.ndjson", &text);
    let said = succeed(data.command(&["import", path(&file), "--json"])).await;
    assert_eq!(said, format!("{{\"alreadyThere\":0,\"imported\":{},\"refused\":null}}\n", events.len()));

    let export = data.folder().join("log.ndjson");
    // Once in one go, then from within one of the large lines.
    for (torn, exported) in [(0, events.len()), (text.len() - 150_000, 2)] {
        std::fs::write(&export, &text[..torn]).expect("written");
        let said = succeed(data.command(&["export", path(&export), "--json"])).await;
        assert_eq!(said, format!("{{\"exported\":{exported},\"length\":{}}}\n", events.len()));
        assert!(std::fs::read_to_string(&export).expect("an export") == text, "cut at {torn}");
    }

    let hash = events[events.len() - 1].current_hash;
    let valid = format!("valid: 10,550 events, one chain, ends in {hash}\n");
    assert_eq!(succeed(data.command(&["verify"])).await, valid);
    let database = rusqlite::Connection::open(data.folder().join("events.db")).expect("the file");
    let seq = SMALL - 100;
    database.execute("UPDATE events SET eventType = 'x' WHERE seq = ?", [seq]).expect("changed");
    let Ended { code, stdout, .. } = run(data.command(&["verify", "--json"])).await;
    let said: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let found = serde_json::json!({ "valid": false, "checked": seq, "firstInvalid": {
        "seq": seq, "_id": events[seq as usize].id.to_string(), "reason": "currentHash is not the hash of the event" } });
    assert_eq!((code, said), (Some(1), found));
}

async fn one_at_a_time() {
    let data = Data::fresh(Backend::Sqlite);
    let text = lines(&chain(["{}", r#"{"n":1}"#]));
    let whole = written(&data, "whole.ndjson", &text);
    succeed(data.command(&["import", path(&whole)])).await;
    let begun = written(&data, "log.ndjson", &text[..text.len() - 5]);
    let other = File::open(&begun).expect("the file");
    other.lock().expect("a lock");
    let Ended { code, stderr, .. } = run(data.command(&["export", path(&begun)])).await;
    assert_eq!((code, stderr.contains("another process is writing it")), (Some(1), true), "{stderr}");
    assert_eq!(std::fs::read_to_string(&begun).expect("a file"), text[..text.len() - 5]);
    drop(other);
    succeed(data.command(&["export", path(&begun)])).await;
    assert_eq!(std::fs::read_to_string(&begun).expect("an export"), text);
}
