//! `batch=1`: few messages, none too large.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::wish::{TYPES, Wish, event, log_all, mixed};
use crate::bad_input::sizes::{MAX_EVENT, event_of};
use crate::client::Socket;
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    let name = backend.name("batches_are_as_large_as_one_message_may_be_and_no_larger");
    vec![trial(&name, move || all_sizes(backend))]
}

/// Small, large and largest events, in turns.
fn all_sizes_of_events() -> Vec<String> {
    let large = event(TYPES[0], "App1", &format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000)));
    let mut events = mixed(500);
    events.extend(vec![event_of(MAX_EVENT); 3]);
    events.extend(vec![large; 100]);
    events.push(event_of(MAX_EVENT));
    events.extend(mixed(200));
    events
}

async fn all_sizes(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.log("first", "{}").await;
    let events = all_sizes_of_events();
    // A body has its limit.
    let (some, rest) = events.split_at(580);
    log_all(&mut client, some).await;
    log_all(&mut client, rest).await;
    let batch = Wish { batch: true, ..Wish::PLAIN };
    let some_of_it = Wish { event_type: Some(TYPES[0]), ..batch };
    let mut readers = Vec::new();
    for wish in [batch, some_of_it, Wish::PLAIN] {
        for after in [Some(&first), None] {
            let socket = Socket::try_open(system.port, &wish.path(after), &[]).await.expect("a socket");
            readers.push((wish, after.is_some(), socket));
        }
    }
    let length = client.check_log().await.len();
    log_all(&mut client, some).await;
    log_all(&mut client, rest).await;
    let log = client.check_log().await;
    for (wish, all, mut socket) in readers {
        let expected = wish.of(if all { &log[1..] } else { &log[length..] });
        let mut received: Vec<Event> = Vec::new();
        let mut messages = 0;
        while received.len() < expected.len() {
            let text = socket.text().await;
            let events = wish.events(&text);
            assert!(text.len() <= MAX_EVENT || events.len() == 1, "{} bytes", text.len());
            received.extend(events);
            messages += 1;
        }
        assert!(received == expected, "{wish:?}: not the log");
        if wish.batch {
            assert!(messages * 10 < expected.len(), "{messages} messages for {}", expected.len());
        }
    }
}
