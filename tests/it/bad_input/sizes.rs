//! How large an event and a body may be.

use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::AsyncReadExt;

use super::raw::Raw;
use super::{assert_problem, assert_untouched, assert_well};
use crate::client::{Socket, new_event};
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("an_event_of_120_kib_is_logged_and_one_byte_more_is_413", the_largest_event),
        trial("a_body_of_3_mb_is_taken_and_one_byte_more_is_413", the_largest_body),
        trial("who_sends_too_much_gets_to_read_why", too_much),
        trial("who_asks_first_is_told_before_the_body", who_asks_first),
    ]
}

/// All that an event may have.
pub(crate) const MAX_EVENT: usize = 122_880;
pub(crate) const MAX_BODY: usize = 3_000_000;

/// A body whose event has so many bytes of JSON, if it is not the first of its chain.
pub(crate) fn event_of(bytes: usize) -> String {
    let empty = format!(
        r#"{{"_id":"{:24}","eventType":"size","sourceAppId":"App1","dataPayload":{{"p":""}},"timestamp":"{:24}","previousHash":"{:40}","currentHash":"{:40}"}}"#,
        "", "", "", ""
    );
    new_event("size", &format!(r#"{{"p":"{}"}}"#, "x".repeat(bytes - empty.len())))
}

async fn the_largest_event() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let mut socket = Socket::open(system.port).await;
    for bytes in [MAX_EVENT + 1, MAX_EVENT + 2, 1_000_000] {
        assert_problem(&client.post(event_of(bytes)).await, 413, &format!("{bytes} bytes, the first"));
    }
    // The first has no previousHash, and no more room for it.
    for expected in [MAX_EVENT - 40, MAX_EVENT] {
        assert_eq!(client.post(event_of(MAX_EVENT)).await.status, 201);
        let event = socket.text().await;
        assert_eq!(event.len(), expected);
        assert_eq!(
            client.get("/events").await.json().as_array().and_then(|all| all.last()).expect("one"),
            &{ serde_json::from_str::<serde_json::Value>(&event).expect("JSON") }
        );
    }
    assert_problem(&client.post(event_of(MAX_EVENT + 1)).await, 413, "one byte more");
    let two_bytes_each = event_of(MAX_EVENT).replace("xx", "é");
    assert_eq!(client.post(&two_bytes_each).await.status, 201);
    assert_problem(
        &client.post(two_bytes_each.replacen('é', "xé", 1)).await,
        413,
        "bytes count, not characters",
    );
    // White space between the tokens is not kept, escapes are.
    let blanks = event_of(MAX_EVENT).replace(":{", &format!(":{}{{", " ".repeat(1000)));
    assert_eq!(client.post(blanks).await.status, 201);
    let escapes = event_of(MAX_EVENT).replacen('x', "\\u0078", 1);
    assert_problem(&client.post(escapes).await, 413, "an escape is longer");
    let longer_type = event_of(MAX_EVENT).replace("size", "siz\\\"");
    assert_problem(&client.post(longer_type).await, 413, "a quote is escaped in the event, too");
    assert_eq!(assert_well(&system).await, 5);
}

async fn the_largest_body() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let event = new_event("padded", "{}");
    let padding = " ".repeat(MAX_BODY - event.len());
    assert_eq!(client.post(format!("{padding}{event}")).await.status, 201);
    assert_eq!(client.post(event.replace(":{", &format!(":{padding}{{"))).await.status, 201);
    assert_problem(&client.post(format!("{event}{padding} ")).await, 413, "one byte more");
    // Of bytes, not of characters; and what is too large is not looked at.
    let not_utf8 = [event.as_bytes(), &vec![0xff; MAX_BODY]].concat();
    assert_problem(&client.post(not_utf8).await, 413, "no text either");
    assert_problem(&client.post(vec![0xff; MAX_BODY]).await, 400, "no text");
    assert_eq!(assert_well(&system).await, 3);
}

fn head(more: &str) -> String {
    format!("POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{more}\r\n")
}

/// A simple client writes all it has before it reads.
async fn too_much() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    for bytes in [MAX_BODY + 1, 2 * MAX_BODY, 50_000_000] {
        let mut raw = Raw::connect(system.port).await;
        raw.say(head(&format!("Content-Length: {bytes}\r\n"))).await;
        raw.say_blanks(bytes).await;
        assert_problem(&raw.answer().await.expect("an answer"), 413, &format!("{bytes} bytes"));

        let mut raw = Raw::connect(system.port).await;
        raw.say(head("Transfer-Encoding: chunked\r\n")).await;
        for piece in [bytes - 1, 1] {
            raw.say(format!("{piece:x}\r\n")).await;
            raw.say_blanks(piece).await;
            raw.say("\r\n").await;
        }
        raw.say("0\r\n\r\n").await;
        assert_problem(&raw.answer().await.expect("an answer"), 413, &format!("{bytes} bytes in chunks"));
    }
    // One that waits for the answer gets it too, whatever it promised.
    for length in ["3000001", "99999999999", "9223372036854775807"] {
        let answer = Raw::ask(system.port, head(&format!("Content-Length: {length}\r\n"))).await;
        assert_problem(&answer.expect("an answer"), 413, length);
    }
    assert_untouched(&system).await;
}

async fn who_asks_first() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let expect = "Expect: 100-continue\r\n";
    for bytes in [MAX_BODY + 1, 50_000_000] {
        let answer = Raw::ask(system.port, head(&format!("{expect}Content-Length: {bytes}\r\n"))).await;
        assert_problem(&answer.expect("an answer"), 413, "asked first");
    }
    let go_on = async |raw: &mut Raw| {
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        within("100", raw.0.read_exact(&mut interim)).await.expect("an interim answer");
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    };
    let mut raw = Raw::connect(system.port).await;
    raw.say(head(&format!("{expect}Transfer-Encoding: chunked\r\n"))).await;
    go_on(&mut raw).await;
    raw.say(format!("{:x}\r\n", 50_000_000)).await;
    raw.say_blanks(50_000_000).await;
    raw.say("\r\n0\r\n\r\n").await;
    assert_problem(&raw.answer().await.expect("an answer"), 413, "in chunks after 100");
    assert_untouched(&system).await;

    let event = new_event("asked", "{}");
    let mut raw = Raw::connect(system.port).await;
    raw.say(head(&format!("{expect}Content-Length: {}\r\n", event.len()))).await;
    go_on(&mut raw).await;
    raw.say(event).await;
    assert_eq!(raw.answer().await.expect("an answer").status, 201);
    assert_eq!(assert_well(&system).await, 3);
}
