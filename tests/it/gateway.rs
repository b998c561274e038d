//! The local gateway: addresses, answers nobody reads, refusals of large requests.

use std::net::{Ipv4Addr, Ipv6Addr};

use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::new_event;
use crate::system::{Backend, Data, eventlog};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("server_listens_on_both_loopback_addresses", both_loopbacks),
        trial("server_refuses_to_start_if_one_loopback_port_is_taken", one_is_taken),
        trial("server_answers_to_names_below_localhost_and_names_the_host_option", names),
        trial("foreign_origin_with_a_large_body_gets_its_403", large_refusal),
        trial("unread_answers_take_bounded_memory", unread_answers),
    ]
}

const MB: u64 = 1 << 20;

async fn status_line(mut stream: TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.expect("the server takes it");
    let mut answer = Vec::new();
    within("an answer", stream.read_to_end(&mut answer)).await.expect("an answer and an end");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

async fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok()
}

async fn both_loopbacks() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, system.port)).await.expect("IPv4");
    assert_eq!(status_line(stream, request).await, "HTTP/1.1 200 OK");
    if has_ipv6().await {
        let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, system.port)).await.expect("IPv6");
        assert_eq!(status_line(stream, request).await, "HTTP/1.1 200 OK");
    }
}

async fn one_is_taken() {
    if !has_ipv6().await {
        return;
    }
    let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = eventlog(&["dev", "--port", &port, "--data"]);
    let output = within("the end", command.arg(folder.path()).output()).await.expect("a process");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("[::1]") && stderr.lines().count() == 1, "{stderr}");
}

async fn names() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    for (host, status) in [("app.localhost:3000", 200), ("example.com", 403)] {
        let mut request = client.request("GET", "/health", &[], b"");
        request.headers_mut().insert("host", host.parse().expect("a value"));
        let answer = client.send(request).await.expect("an answer");
        assert_eq!(answer.status, status, "{host}: {}", answer.body);
        assert_eq!(answer.body.contains("--host"), status == 403, "{host}: {}", answer.body);
    }
}

async fn large_refusal() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let body = vec![b' '; 2_900_000];
    for (path, expected) in [("/events", "403"), ("/nowhere", "403")] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: https://example.com\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, system.port)).await.expect("connected");
        let status = status_line(stream, &[head.as_bytes(), &body].concat()).await;
        assert!(status.contains(expected), "{path}: {status}");
    }
}

async fn unread_answers() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let payload = format!(r#"{{"x":"{}"}}"#, "x".repeat(100_000));
    let body = format!("[{}]", vec![new_event("large", &payload); 25].join(","));
    for _ in 0..2 {
        assert_eq!(client.post(&body).await.status, 201);
    }
    let first = client.get("/events?limit=1").await;
    let id = first.body.split('"').nth(3).expect("an _id").to_owned();
    let before = system.resident();
    let mut unread = Vec::new();
    for _ in 0..150 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, system.port)).await.expect("connected");
        let request = format!("GET /events?after={id}&limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("asked");
        unread.push(stream);
    }
    // 600 MB in all. Short requests are answered meanwhile.
    for _ in 0..20 {
        assert_eq!(client.get("/health").await.status, 200);
    }
    let after = system.resident();
    assert!(after < before + 400 * MB, "{before} {after}");
}
