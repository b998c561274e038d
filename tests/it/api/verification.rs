//! `GET /chain/verify`.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::{array, logged};
use crate::client::Client;
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![trial(&backend.name("windows_cover_the_whole_chain"), move || windows(backend))]
}

pub(super) fn trials_with_a_file() -> Vec<Trial> {
    vec![trial("what_was_tampered_with_is_named", tampered)]
}

/// Goes from window to window; how many events were good, and what is said of the first that is not.
async fn verify(client: &mut Client, limit: u64) -> (u64, Option<Value>) {
    let (mut checked, mut query) = (0, format!("limit={limit}"));
    loop {
        let answer = client.get(&format!("/chain/verify?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let window = answer.json();
        let count = window["checked"].as_u64().expect("a number");
        assert!(count <= limit, "{window}");
        checked += count;
        if window["valid"] == false {
            return (checked, Some(window["firstInvalid"].clone()));
        }
        let Some(next) = window["next"].as_str() else { return (checked, None) };
        assert_eq!(count, limit, "a window that leads on is whole");
        query = format!("after={next}&limit={limit}");
    }
}

async fn windows(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    assert_eq!(client.get("/chain/verify").await.body, r#"{"valid":true,"checked":0,"next":null}"#);
    let log = logged(&client.post(array("verify", 105)).await);
    for limit in [1, 7, 104, 105, 106, 10_000] {
        assert_eq!(verify(&mut client, limit).await, (105, None), "{limit}");
    }
    let window = client.get("/chain/verify?limit=5").await;
    assert_eq!(window.body, format!(r#"{{"valid":true,"checked":5,"next":"{}"}}"#, log[4].id));
    for (place, event) in log.iter().enumerate() {
        let window = client.get(&format!("/chain/verify?after={}", event.id)).await;
        assert_eq!(window.body, format!(r#"{{"valid":true,"checked":{},"next":null}}"#, 104 - place));
    }
    // By default, 1000.
    for _ in 0..2 {
        logged(&client.post(array("verify", 500)).await);
    }
    assert_eq!(client.get("/chain/verify").await.json()["checked"], 1000);
    assert_eq!(verify(&mut client, 1000).await, (1105, None));
}

/// Each time further to the front, so that it is the first.
async fn tampered() {
    let data = Data::fresh(Backend::Sqlite);
    let log = {
        let system = data.serve().await;
        let log: Vec<Event> = logged(&system.client().await.post(array("tampered", 60)).await);
        assert_eq!(system.signal("TERM").await.0, Some(0));
        log
    };
    let hash = "currentHash is not the hash of the event";
    let previous = "previousHash is not the currentHash of the event before";
    for (sql, place, reason) in [
        (r#"UPDATE events SET dataPayload = '{"n":0}' WHERE seq = 55"#, 55, hash),
        ("UPDATE events SET sourceAppId = 'App2' WHERE seq = 50", 50, hash),
        ("UPDATE events SET dataPayload = '{' WHERE seq = 45", 45, "dataPayload is not valid I-JSON"),
        (
            "UPDATE events SET timestamp = timestamp - 1 WHERE seq = 40",
            40,
            "timestamp is before that of the event before",
        ),
        ("UPDATE events SET timestamp = timestamp + 1 WHERE seq = 35", 35, hash),
        ("DELETE FROM events WHERE seq = 30", 31, previous),
        (
            "UPDATE events SET seq = CASE seq WHEN 25 THEN -26 ELSE -25 END WHERE seq IN (25, 26);
          UPDATE events SET seq = -seq WHERE seq < 0",
            26,
            previous,
        ),
        ("UPDATE events SET currentHash = 'none' WHERE seq = 20", 20, "what is stored is not an event"),
        ("UPDATE events SET currentHash = previousHash WHERE seq = 15", 15, hash),
        (
            "UPDATE events SET timestamp = 9223372036854775807 WHERE seq = 10",
            10,
            "what is stored is not an event",
        ),
        ("UPDATE events SET previousHash = '' WHERE seq = 5", 5, previous),
        ("DELETE FROM events WHERE seq < 2", 2, previous),
    ] {
        let file = rusqlite::Connection::open(data.folder().join("events.db")).expect("the file");
        file.execute_batch(sql).expect(sql);
        file.close().expect("closed");
        let system = data.serve().await;
        let mut client = system.client().await;
        let good = if place == 2 {
            0
        } else {
            log[..place].len() as u64 - u64::from(place == 31) - u64::from(place == 26)
        };
        let found = json!({ "_id": log[place].id.to_string(), "reason": reason });
        for limit in [1, 7, 1000] {
            assert_eq!(verify(&mut client, limit).await, (good, Some(found.clone())), "{sql}, limit {limit}");
        }
        // Nobody is sent there, and who begins with what is no event is told.
        let window = client.get(&format!("/chain/verify?after={}", log[place].id)).await;
        assert_eq!(window.status, 200, "{sql}: {}", window.body);
        if reason == "what is stored is not an event" {
            let window = window.json();
            assert_eq!(window, json!({ "valid": false, "checked": 0, "firstInvalid": found }), "{sql}");
        }
        assert_eq!(system.signal("TERM").await.0, Some(0));
    }
    let file = rusqlite::Connection::open(data.folder().join("events.db")).expect("the file");
    file.execute_batch("UPDATE events SET id = 'none' WHERE seq = 2").expect("changed");
    file.close().expect("closed");
    let system = data.serve().await;
    let found = json!({ "_id": null, "reason": "what is stored is not an event" });
    assert_eq!(verify(&mut system.client().await, 1000).await, (0, Some(found)));
}
