//! WebSocket clients that never come to an end, or never listen.

use eventlog_chain::Event;
use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use super::assert_well;
use super::raw::Raw;
use super::sockets::{TEXT, close_code, frame, next, open_at};
use crate::client::{Client, Socket, new_event};
use crate::system::{Backend, Data, System};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("frames_without_end_are_ended", frames),
        trial("fragments_without_end_take_no_memory", fragments),
        trial("frames_that_never_come_take_little_memory", half_frames),
        trial("sockets_that_never_read_take_little_memory", never_read),
    ]
}

const MB: u64 = 1 << 20;

/// One that wants none of the events that there will be.
async fn open(system: &System) -> Raw {
    open_at(system.port, "/?eventType=none").await
}

/// Another socket is not affected: what is said there is answered, what is logged arrives.
async fn assert_others_are_well(system: &System, bystander: &mut Socket) {
    bystander.send(Message::text(r#"{"action":"ping"}"#)).await.expect("sent");
    assert_eq!(bystander.text().await, r#"{"action":"pong"}"#);
    let logged = system.client().await.log("still here", "{}").await;
    assert_eq!(bystander.event().await, logged);
}

/// Says this for ever, until it cannot be said any more.
async fn say_for_ever(raw: &mut Raw, what: &[u8]) {
    let all = async { while raw.0.get_mut().write_all(what).await.is_ok() {} };
    within("the server to hang up", all).await;
}

async fn frames() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut bystander = Socket::open(system.port).await;
    let before = system.resident();
    // A frame that says it has 2^63 − 1 bytes, and one after the other that are small, of a message without end.
    let mut huge = frame(TEXT, b"");
    huge.splice(1..2, [0x80 | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let fragment = frame(0x00, &[b'x'; 1000]).repeat(60);
    for (beginning, rest) in [(&huge, &vec![b'x'; 60_000]), (&frame(0x01, b"x"), &fragment)] {
        let mut raw = open(&system).await;
        raw.say_all(beginning).await;
        say_for_ever(&mut raw, rest).await;
        assert_others_are_well(&system, &mut bystander).await;
    }
    // Who listens is told why.
    let mut raw = open(&system).await;
    raw.say_all(&huge).await;
    assert_eq!(close_code(&mut raw).await, Some(1009));
    assert!(system.resident() < before + 16 * MB, "{before} {}", system.resident());
    assert_well(&system).await;
}

/// Fragments may be empty, and are allowed without number.
async fn fragments() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut bystander = Socket::open(system.port).await;
    let mut raw = open(&system).await;
    raw.say_all(&frame(0x01, b"{")).await;
    let before = system.resident();
    let empty = frame(0x00, b"").repeat(10_000);
    for _ in 0..100 {
        raw.say_all(&empty).await;
    }
    assert_others_are_well(&system, &mut bystander).await;
    raw.say_all(&frame(0x80, b"}")).await;
    let (_, answer) = next(&mut raw).await.expect("an answer");
    assert!(answer.starts_with(br#"{"action":"error""#), "{}", answer.escape_ascii());
    assert!(system.resident() < before + 16 * MB, "{before} {}", system.resident());
    assert_well(&system).await;
}

/// Of frames of the largest size, all but the last byte: one that is kept is all that each client can make us keep.
async fn half_frames() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut bystander = Socket::open(system.port).await;
    let before = system.resident();
    let mut raws = Vec::new();
    let whole = frame(TEXT, &[b'x'; 131_072]);
    for _ in 0..100 {
        let mut raw = open(&system).await;
        raw.say_all(&whole[..whole.len() - 1]).await;
        raws.push(raw);
    }
    assert_others_are_well(&system, &mut bystander).await;
    assert!(system.resident() < before + 64 * MB, "{before} {}", system.resident());
    for raw in &mut raws {
        raw.say_all(b"x").await;
        assert!(next(raw).await.expect("an answer").1.starts_with(br#"{"action":"error""#));
    }
    assert_well(&system).await;
}

/// Some want all that is there, some only what is to come.
async fn never_read() {
    const EACH: usize = 300;
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.log("first", "{}").await;
    let large = new_event("large", &format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000)));
    let log = async |client: &mut Client| {
        let answer = client.post(format!("[{}]", vec![&*large; 20].join(","))).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    for _ in 0..EACH / 20 {
        log(&mut client).await;
    }
    let before = system.resident();
    let mut bystander = Socket::open(system.port).await;
    let mut never_read = Vec::new();
    for query in ["", "?batch=1", "?after=FIRST", "?after=FIRST&batch=1"] {
        let path = format!("/{}", query.replace("FIRST", &first.id.to_string()));
        for _ in 0..5 {
            never_read.push(Socket::try_open(system.port, &path, &[]).await.expect("a socket"));
        }
    }
    for _ in 0..EACH / 20 {
        log(&mut client).await;
        for _ in 0..20 {
            let event: Event = bystander.event().await;
            assert_eq!(event.event_type, "large");
        }
    }
    let after = system.resident();
    // All that they have yet to get would be 900 MB.
    assert!(after < before + 96 * MB, "{before} {after}");
    assert_others_are_well(&system, &mut bystander).await;
    drop(never_read);
    let mut path = "/chain/verify?limit=10000".to_owned();
    loop {
        let verified = client.get(&path).await.json();
        assert_eq!(verified["valid"], true, "{verified}");
        let Some(next) = verified["next"].as_str() else { break };
        path = format!("/chain/verify?limit=10000&after={next}");
    }
}
