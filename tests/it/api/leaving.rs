//! Clients that break off, and come back with their key.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{array, logged};
use crate::bad_input::raw::Raw;
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![trial(&backend.name("who_leaves_in_a_request_may_repeat_it"), move || leaves(backend))]
}

async fn leaves(backend: Backend) {
    const EVENTS: usize = 20;
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let request = |key: &str| {
        let body = array(key, EVENTS);
        let length = body.len();
        format!(
            "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    // Up to the last byte nothing is logged, though what has come may be an array by itself.
    for (n, missing) in [1, 2, 100, 1000, array("half-0", EVENTS).len()].into_iter().enumerate() {
        let request = request(&format!("half-{n}"));
        let mut raw = Raw::connect(system.port).await;
        raw.say(&request.as_bytes()[..request.len() - missing]).await;
        raw.end().await;
    }
    let mut client = system.client().await;
    assert_eq!(client.check_log().await, []);

    // With the last byte it is, or is not: the client has not heard.
    let mut keys: Vec<_> = (0..5).map(|n| format!("half-{n}")).collect();
    for n in 0..30 {
        let key = format!("whole-{n}");
        let mut raw = Raw::connect(system.port).await;
        raw.say(request(&key)).await;
        drop(raw);
        keys.push(key);
    }
    let mut all = Vec::new();
    for key in &keys {
        all.extend(logged(&client.keyed(key, array(key, EVENTS)).await));
    }
    let log = client.check_log().await;
    assert_eq!(log.len(), keys.len() * EVENTS);
    assert!(all.iter().all(|event| log.contains(event)));
}
