//! WebSocket clients that break the protocol.

use std::io::ErrorKind;

use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::AsyncReadExt;

use super::raw::Raw;
use super::{assert_problem, assert_untouched, assert_well};
use crate::client::Socket;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_bad_handshake_is_refused", bad_handshakes),
        trial("fragments_make_one_message", fragments),
        trial("a_breach_of_the_protocol_closes_with_the_right_code", breaches),
        trial("a_closing_handshake_is_answered", closing),
        trial("sockets_come_and_go_in_numbers", come_and_go),
    ]
}

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

pub(crate) fn handshake(lines: &[&str]) -> String {
    format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", lines.join("\r\n"))
}

/// The headers of RFC 6455's example.
pub(crate) fn good() -> [String; 4] {
    let key = format!("Sec-WebSocket-Key: {KEY}");
    ["Upgrade: websocket".into(), "Connection: Upgrade".into(), "Sec-WebSocket-Version: 13".into(), key]
}

pub(crate) async fn open(port: u16) -> Raw {
    open_at(port, "/").await
}

pub(crate) async fn open_at(port: u16, path: &str) -> Raw {
    let mut raw = Raw::connect(port).await;
    let request = handshake(&good().each_ref().map(String::as_str));
    raw.say(request.replacen("GET /", &format!("GET {path}"), 1)).await;
    let answer = raw.answer().await.expect("an answer");
    assert_eq!(answer.status, 101, "{}", answer.body);
    assert_eq!(answer.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    raw
}

/// A frame whose mask changes nothing; `first` is FIN, the reserved bits and the opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

pub(crate) const TEXT: u8 = 0x81;
const PING: u8 = 0x89;

/// The next frame from the server: first byte and payload; `None` when the connection has ended. Panics if it was
/// reset: not every client could have read what came before.
pub(super) async fn next(raw: &mut Raw) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    if let Err(error) = within("a frame", raw.0.read_exact(&mut head)).await {
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        return None;
    }
    assert!(head[1] < 126, "a short frame without a mask");
    let mut payload = vec![0; usize::from(head[1])];
    within("its payload", raw.0.read_exact(&mut payload)).await.ok()?;
    Some((head[0], payload))
}

/// The code with which the server closes, 1005 if it gives none; `None` if the connection ends without a word.
/// Says no more itself.
pub(crate) async fn close_code(raw: &mut Raw) -> Option<u16> {
    let mut code = None;
    while let Some((first, payload)) = next(raw).await {
        assert_eq!((first, code), (0x88, None), "one close frame and nothing else");
        code = Some(payload.first_chunk().copied().map_or(1005, u16::from_be_bytes));
    }
    code
}

async fn bad_handshakes() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let [upgrade, connection, version, key] = &good();
    for (lines, status) in [
        (&[&**upgrade, connection, key, "Sec-WebSocket-Version: 12"][..], 426),
        (&[upgrade, connection, key, "Sec-WebSocket-Version: 13, 8"], 426),
        (&[upgrade, connection, key], 426),
        (&[upgrade, connection, version], 400),
        (&[upgrade, connection, version, "Sec-WebSocket-Key:"], 400),
        (&[upgrade, connection, version, "Sec-WebSocket-Key: short"], 400),
        (&[upgrade, connection, version, "Sec-WebSocket-Key: ????????????????????????"], 400),
        (&[upgrade, connection, version, key, key], 400),
        (&[upgrade, version, key], 400),
        (&[upgrade, version, key, "Connection: keep-alive"], 400),
        (&[upgrade, connection, version, key, "Origin: https://example.com"], 403),
        (&[upgrade, connection, version, key, "Host: localhost"], 400),
        (&["Upgrade: h2c", connection, version, key], 404),
        (&[connection, version, key], 404),
    ] {
        let answer = Raw::ask(system.port, handshake(lines)).await.expect("an answer");
        assert_problem(&answer, status, &format!("{lines:?}"));
        if status == 426 {
            assert_eq!(answer.header("sec-websocket-version"), "13");
            assert_eq!(answer.header("upgrade"), "websocket");
        }
    }
    let lines = good().join("\r\n");
    let request = |line: &str| format!("{line}\r\nHost: localhost\r\n{lines}\r\n\r\n");
    for (line, status) in [
        ("POST / HTTP/1.1", 404),
        ("POST /chain HTTP/1.1", 405),
        ("DELETE / HTTP/1.1", 404),
        ("GET / HTTP/1.0", 400),
        ("GET /?x=1 HTTP/1.1", 400),
        ("GET /any/path?%FF HTTP/1.1", 400),
    ] {
        let answer = Raw::ask(system.port, request(line)).await.expect("an answer");
        assert_problem(&answer, status, line);
    }
    for good in [
        "GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade",
        "GET / HTTP/1.1\r\nUser-Agent: \u{e9}",
        "GET /health? HTTP/1.1",
    ] {
        assert_eq!(Raw::ask(system.port, request(good)).await.expect("an answer").status, 101, "{good}");
    }
    assert_untouched(&system).await;
}

async fn fragments() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut raw = open(system.port).await;
    let frames = [
        frame(0x01, br#"{"action":"#),
        frame(PING, b"in between"),
        frame(0x00, b""),
        frame(0x00, br#""pi"#),
        frame(0x80, br#"ng"}"#),
    ];
    // Once at a time, then byte by byte.
    for pieces in [vec![frames.concat()], frames.concat().chunks(1).map(<[u8]>::to_vec).collect()] {
        for piece in pieces {
            raw.say(piece).await;
        }
        assert_eq!(next(&mut raw).await, Some((0x8a, b"in between".into())));
        assert_eq!(next(&mut raw).await, Some((TEXT, br#"{"action":"pong"}"#.into())));
    }
    // A character may be cut in two.
    raw.say([frame(0x01, b"\"\xc3"), frame(0x80, b"\xa9\"")].concat()).await;
    let (_, answer) = next(&mut raw).await.expect("an answer");
    assert!(answer.starts_with(br#"{"action":"error""#), "{}", answer.escape_ascii());
    assert_well(&system).await;
}

async fn breaches() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut bystander = Socket::open(system.port).await;
    let mut huge = frame(TEXT, b"");
    huge.splice(1..2, [0x80 | 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let many = [frame(0x01, b"x"), frame(0x00, &[b'x'; 60_000]).repeat(3)].concat();
    for (what, frames, code) in [
        ("no mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("an unknown message", frame(0x83, b""), 1002),
        ("an unknown control frame", frame(0x8b, b""), 1002),
        ("a reserved bit", frame(0xc1, b"{}"), 1002),
        ("an end without a start", frame(0x80, b"{}"), 1002),
        ("a start in a message", [frame(0x01, b"{"), frame(TEXT, b"}")].concat(), 1002),
        ("a ping in fragments", frame(0x09, b""), 1002),
        ("a long ping", frame(PING, &[b'x'; 126]), 1002),
        ("half a close code", frame(0x88, b"\x03"), 1002),
        ("a close code nobody may send", frame(0x88, &1005_u16.to_be_bytes()), 1002),
        ("no UTF-8", frame(TEXT, b"\xff"), 1007),
        ("no UTF-8, in fragments", [frame(0x01, b"\"\xc3"), frame(0x80, b"\"")].concat(), 1007),
        ("half a character", frame(TEXT, b"\xf0\x9f\x98"), 1007),
        ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
        ("too large", frame(TEXT, &[b'x'; 131_073]), 1009),
        // More than all buffers on the way can hold.
        ("much too large", frame(TEXT, &vec![b'x'; 12_000_000]), 1009),
        ("very large, it says", huge, 1009),
        ("too large, in fragments", many, 1009),
    ] {
        let mut raw = open(system.port).await;
        raw.say_all(&frames).await;
        assert_eq!(close_code(&mut raw).await, Some(code), "{what}");
    }
    let largest = [frame(TEXT, &[b'x'; 131_072]), frame(PING, b"")].concat();
    let mut raw = open(system.port).await;
    raw.say(largest).await;
    assert!(next(&mut raw).await.expect("an answer").1.starts_with(br#"{"action":"error""#));
    let logged = system.client().await.log("after all that", "{}").await;
    assert_eq!(bystander.event().await, logged);
    assert_well(&system).await;
}

async fn closing() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    for (payload, code) in
        [(&b""[..], 1005), (b"\x03\xe8", 1000), (b"\x03\xe9bye", 1001), (b"\x0f\xa0", 4000)]
    {
        let mut raw = open(system.port).await;
        raw.say(frame(0x88, payload)).await;
        assert_eq!(close_code(&mut raw).await, Some(code));
    }
    // What comes behind the close frame is not answered.
    let mut raw = open(system.port).await;
    raw.say([frame(0x88, b"\x03\xe8"), frame(TEXT, br#"{"action":"ping"}"#)].concat()).await;
    let (first, _) = next(&mut raw).await.expect("a close frame");
    assert_eq!(first, 0x88);
    assert_eq!(next(&mut raw).await, None);
    assert_well(&system).await;
}

/// However they go: with a close frame, without one, in the middle of a frame or of the handshake.
async fn come_and_go() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let whole = handshake(&good().each_ref().map(String::as_str));
    for n in 0..200 {
        if n % 4 == 3 {
            let mut raw = Raw::connect(system.port).await;
            raw.say(&whole.as_bytes()[..whole.len() - n % 7]).await;
            continue;
        }
        let mut raw = open(system.port).await;
        match n % 4 {
            0 => {
                raw.say(frame(0x88, b"\x03\xe8")).await;
                assert_eq!(close_code(&mut raw).await, Some(1000));
            }
            1 => raw.say(&frame(TEXT, &[b'x'; 1000])[..500]).await,
            _ => {}
        }
    }
    let mut socket = Socket::open(system.port).await;
    let logged = system.client().await.log("after all that", "{}").await;
    assert_eq!(socket.event().await, logged);
    assert_well(&system).await;
}
