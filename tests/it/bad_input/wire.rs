//! Clients that break off or speak no HTTP.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::raw::Raw;
use super::{assert_problem, assert_untouched, assert_well};
use crate::client::new_event;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("half_a_request_harms_nobody", half_a_request),
        trial("what_is_not_http_harms_nobody", not_http),
        trial("bad_framing_is_refused_and_smuggles_nothing", bad_framing),
        trial("pipelined_requests_are_answered_in_order", pipelined),
        trial("a_client_that_leaves_early_breaks_no_chain", leaves_early),
        trial("http_1_0_is_answered", http_1_0),
    ]
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Another client goes on as if nothing were.
async fn half_a_request() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut other = system.client().await;
    let whole = post(&new_event("half", r#"{"a":1}"#));
    let mut open = Vec::new();
    for end in 0..whole.len() {
        let mut raw = Raw::connect(system.port).await;
        raw.say(&whole.as_bytes()[..end]).await;
        match end % 3 {
            0 => drop(raw),
            1 => raw.end().await,
            // Says nothing more for as long as the test runs.
            _ => open.push(raw),
        }
        if end % 20 == 0 {
            assert_eq!(other.get("/health").await.body, r#"{"status":"ok"}"#);
        }
    }
    // Half a body, and a client that still listens.
    let mut raw = Raw::connect(system.port).await;
    raw.say(&whole.as_bytes()[..whole.len() - 1]).await;
    tokio::io::AsyncWriteExt::shutdown(raw.0.get_mut()).await.expect("shut down");
    if let Some(answer) = raw.answer().await {
        assert_problem(&answer, 400, "half a body");
    }
    assert_untouched(&system).await;
}

async fn not_http() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let tls_hello = b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03abcdefghijklmnopqrstuvwxyz";
    for garbage in [
        &b"\0"[..],
        b"\r\n\r\n\r\n",
        b"garbage\r\n\r\n",
        b"\xff\xfe\xfd\xfc\r\n\r\n",
        tls_hello,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /health HTTP/3.0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nna me: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nname: a\0b\r\n\r\n",
        b"GET /health HTTP/1.1\r\n: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
    ] {
        let mut raw = Raw::connect(system.port).await;
        raw.say(garbage).await;
        tokio::io::AsyncWriteExt::shutdown(raw.0.get_mut()).await.expect("shut down");
        if let Some(answer) = raw.answer().await {
            assert!((400..500).contains(&answer.status), "{}: {answer:?}", garbage.escape_ascii());
        }
    }
    for lines in [format!("X-Long: {}\r\n", "x".repeat(1 << 20)), "X-Many: x\r\n".repeat(100_000)] {
        let request = format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n");
        // The server stops reading: its answer may be lost.
        if let Some(answer) = Raw::ask(system.port, request).await {
            assert_eq!(answer.status, 431);
        }
    }
    assert_untouched(&system).await;
}

async fn bad_framing() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let event = new_event("framed", "{}");
    let request = |framing: &str, body: &str| {
        format!(
            "POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{body}"
        )
    };
    let length = event.len();
    for framing in [
        "Content-Length: -1",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: 5 5",
        "Content-Length: ",
        "Content-Length: 99999999999999999999999",
        &format!("Content-Length: {length}\r\nContent-Length: 5"),
        &format!("Content-Length: {length}, 5"),
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: identity",
    ] {
        let answer = Raw::ask(system.port, request(framing, &event)).await.expect("an answer");
        assert_eq!(answer.status, 400, "{framing}");
    }
    for chunks in ["x\r\n", "-5\r\n", "fffffffffffffffff\r\n", "5\r\nabcdefgh\r\n0\r\n\r\n"] {
        let answer = Raw::ask(system.port, request("Transfer-Encoding: chunked", chunks)).await;
        assert_problem(&answer.expect("an answer"), 400, chunks);
    }
    // With both, either nothing is taken or the chunks are, and what follows is no request of its own.
    let chunked = format!("{length:x}\r\n{event}\r\n0\r\n\r\n");
    let smuggled = post(&new_event("smuggled", "{}"));
    let mut taken = 0;
    for framing in [
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        let mut raw = Raw::connect(system.port).await;
        raw.say(request(framing, &format!("{chunked}{smuggled}"))).await;
        let answer = raw.answer().await.expect("an answer");
        assert!([201, 400].contains(&answer.status), "{framing}: {}", answer.body);
        taken += usize::from(answer.status == 201);
        assert!(raw.answer().await.is_none(), "{framing}: the connection ends");
    }
    let same_twice = format!("Content-Length: {length}\r\nContent-Length: {length}");
    let answer = Raw::ask(system.port, request(&same_twice, &event)).await.expect("an answer");
    taken += usize::from(answer.status == 201);
    let mut client = system.client().await;
    let log = client.check_log().await;
    assert_eq!(log.len(), taken);
    assert!(log.iter().all(|event| event.event_type == "framed"));
    assert_eq!(assert_well(&system).await, taken + 1);
}

async fn pipelined() {
    const REQUESTS: usize = 500;
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut raw = Raw::connect(system.port).await;
    let all: String = (0..REQUESTS)
        .map(|n| match n % 3 {
            0 => post(&new_event(&format!("n{n}"), "{}")),
            1 => post("garbage"),
            _ => "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
        })
        .collect();
    raw.say(all).await;
    for n in 0..REQUESTS {
        let answer = raw.answer().await.expect("an answer");
        assert_eq!(answer.status, [201, 400, 404][n % 3], "{}", answer.body);
        assert!(n % 3 > 0 || answer.json()["event"]["eventType"] == format!("n{n}"));
    }
    assert_eq!(assert_well(&system).await, REQUESTS.div_ceil(3) + 1);
}

/// Its event may be logged or not; there is one chain either way.
async fn leaves_early() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut other = system.client().await;
    for n in 0..100 {
        let mut raw = Raw::connect(system.port).await;
        raw.say(post(&new_event("left", "{}"))).await;
        drop(raw);
        if n % 10 == 0 {
            other.log("stays", "{}").await;
        }
    }
    // Finishes what is under way.
    assert_eq!(system.signal("TERM").await.0, Some(0));
    assert!(assert_well(&data.serve().await).await > 10);
}

async fn http_1_0() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let ask = async |request: &str| {
        let mut raw = Raw::connect(system.port).await;
        raw.say(request).await;
        let answer = raw.answer().await.expect("an answer");
        assert!(raw.answer().await.is_none(), "the connection ends");
        answer
    };
    let answer = ask("GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#));
    assert_eq!(ask("GET http://localhost/health HTTP/1.0\r\n\r\n").await.status, 200);
    assert_problem(&ask("GET /health HTTP/1.0\r\n\r\n").await, 400, "no host");
    assert_problem(&ask("POST /events HTTP/1.0\r\nHost: example.com\r\n\r\n").await, 403, "a foreign host");
    assert_untouched(&system).await;
}
