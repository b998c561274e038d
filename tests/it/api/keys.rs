//! `Idempotency-Key`.

use eventlog_testing::trial;
use futures_util::future::join_all;
use libtest_mimic::Trial;

use super::{array, logged};
use crate::bad_input::assert_problem;
use crate::client::{Answer, Client, new_event};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("a_repeat_gets_the_answer_of_the_first"), move || a_repeat(backend)),
        trial(&backend.name("a_key_with_another_body_is_422"), move || another_body(backend)),
        trial(&backend.name("an_event_alone_and_in_an_array_are_two_bodies"), move || {
            alone_or_in_an_array(backend)
        }),
        trial(&backend.name("a_key_is_1_to_255_visible_characters"), move || which_keys(backend)),
        trial(&backend.name("of_a_hundred_at_once_with_one_key_one_is_logged"), move || {
            a_hundred_at_once(backend)
        }),
    ]
}

fn told(answer: &Answer) -> (u16, &str, &str) {
    (answer.status, answer.header("location"), &answer.body)
}

async fn a_repeat(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let one = new_event("T", r#"{"a":1,"b":2.0}"#);
    let first = client.keyed("one", &one).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let many = client.keyed("many", array("many", 7)).await;
    assert_eq!(logged(&many).len(), 7);
    client.log("between", "{}").await;
    let log = client.check_log().await;
    assert_eq!(log.len(), 9);
    assert_eq!(system.signal("TERM").await.0, Some(0));

    // Another process knows it too; how JSON is put makes no other body of it.
    let system = data.serve().await;
    let mut client = system.client().await;
    let otherwise = r#" {"dataPayload":{"b":2,"a":1.0},"sourceAppId":"\u0041pp1", "eventType":"T"}"#;
    for body in [&one, otherwise] {
        assert_eq!(told(&client.keyed("one", body).await), told(&first));
    }
    assert_eq!(told(&client.keyed("many", array("many", 7)).await), told(&many));
    // A key of a bad request is still free.
    assert_problem(&client.keyed("free", "[]").await, 400, "no event");
    assert_problem(&client.keyed("free", new_event("eventlog.", "{}")).await, 403, "reserved");
    assert_eq!(client.check_log().await, log);
    assert_eq!(client.keyed("free", &one).await.status, 201);
    assert_eq!(client.check_log().await.len(), 10);
}

async fn another_body(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.keyed("k", array("k", 3)).await;
    let other_app = array("k", 3).replacen("App1", "App2", 1);
    let bodies = [array("k", 2), array("k", 4), array("other", 3), new_event("T", "{}"), other_app];
    for body in &bodies {
        let problem = assert_problem(&client.keyed("k", body).await, 422, body);
        assert_eq!(problem["type"], "urn:eventlog:problem:idempotency-key-reused");
    }
    assert_eq!(client.check_log().await, logged(&first));
    // With no key, or another, it is another request.
    assert_eq!(client.keyed("K", array("k", 3)).await.status, 201);
    assert_eq!(client.post(array("k", 3)).await.status, 201);
    assert_eq!(client.check_log().await.len(), 9);
}

/// They are answered in two forms, and a repeat is answered as the first was.
async fn alone_or_in_an_array(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let alone = new_event("T", r#"{"n":1}"#);
    let in_array = format!("[{alone}]");
    let mut log = Vec::new();
    for (key, body, other) in [("alone", &alone, &in_array), ("in-array", &in_array, &alone)] {
        let first = client.keyed(key, body).await;
        assert_eq!(first.status, 201, "{key}: {}", first.body);
        assert_problem(&client.keyed(key, other).await, 422, key);
        assert_eq!(told(&client.keyed(key, body).await), told(&first), "{key}");
        log = client.check_log().await;
    }
    assert_eq!(log.len(), 2);
}

/// POSTs with these header lines.
async fn post_with(client: &mut Client, keys: &[&[u8]]) -> Answer {
    let headers = [("content-type", "application/json")];
    let mut request = client.request("POST", "/events", &headers, new_event("T", "{}").as_bytes());
    for key in keys {
        request
            .headers_mut()
            .append("idempotency-key", hyper::header::HeaderValue::from_bytes(key).expect("a value"));
    }
    client.send(request).await.expect("an answer")
}

async fn which_keys(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for bad in
        [&b""[..], b" ", b"a b", b"a\tb", b"\xff", "é".as_bytes(), "\u{a0}".as_bytes(), too_long.as_bytes()]
    {
        let answer = post_with(&mut client, &[bad]).await;
        assert_problem(&answer, 400, &bad.escape_ascii().to_string());
    }
    // Twice is twice, however a gateway joined the lines (RFC 9110, 5.3).
    for twice in [&[&b"k"[..], b"k"][..], &[b"k,k"], &[b"k, k"], &[b","], &[b"x", b"y"]] {
        assert_problem(&post_with(&mut client, twice).await, 400, "two keys");
    }
    assert_eq!(client.check_log().await, []);

    let mut count = 0;
    let visible: String = ('!'..='~').filter(|c| *c != ',').collect();
    for good in
        [longest.as_str(), "a", "A", &visible, "\"8e03978e\"", "😀".escape_unicode().to_string().as_str()]
    {
        let first = post_with(&mut client, &[good.as_bytes()]).await;
        assert_eq!(first.status, 201, "{good}: {}", first.body);
        count += 1;
        // Blanks around a value are no part of it (RFC 9110, 5.5).
        let padded = format!(" {good}\t");
        assert_eq!(told(&post_with(&mut client, &[padded.as_bytes()]).await), told(&first), "{good}");
    }
    assert_eq!(client.check_log().await.len(), count);
}

async fn a_hundred_at_once(backend: Backend) {
    let data = Data::fresh(backend);
    let systems = [data.serve().await, data.serve().await];
    let keyed = |n: usize, key: String, body: String| {
        let port = systems[n % 2].port;
        async move { Client::connect(port).await.keyed(&key, body).await }
    };
    let same = join_all((0..100).map(|n| keyed(n, "same".into(), array("same", 5)))).await;
    let log = systems[0].client().await.check_log().await;
    assert_eq!(log, logged(&same[0]));
    assert!(same.iter().all(|answer| told(answer) == told(&same[0])));

    let different =
        join_all((0..100).map(|n| keyed(n, format!("k{}", n % 50), array(&format!("{}", n % 50), 2)))).await;
    for n in 0..50 {
        assert_eq!(different[n].status, 201, "{}", different[n].body);
        assert_eq!(told(&different[n]), told(&different[n + 50]));
    }
    let log = systems[1].client().await.check_log().await;
    assert_eq!(log.len(), 5 + 50 * 2);
    assert!(different.iter().flat_map(logged).all(|event| log.contains(&event)));
}
