//! What a request may be, but for its body.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::raw::Raw;
use super::{assert_problem, assert_untouched, assert_well};
use crate::client::new_event;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("only_plain_json_is_taken", only_plain_json),
        trial("what_is_not_there_is_404", what_is_not_there),
        trial("other_methods_are_405_and_say_which_are_allowed", other_methods),
        trial("odd_headers_never_fail_a_request", odd_headers),
        trial("odd_request_targets_never_fail_a_request", odd_request_targets),
    ]
}

pub(super) const NO_ID: &str = "/events/64fdc8e5a835b1c4d6c5693f";

async fn only_plain_json() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let body = new_event("media", "{}");
    let json = ("content-type", "application/json");
    for bad in [
        &[][..],
        &[("content-type", "")],
        &[("content-type", "text/plain")],
        &[("content-type", "text/json")],
        &[("content-type", "application/jsonp")],
        &[("content-type", "application/json5")],
        &[("content-type", "application/problem+json")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "*/*")],
        &[json, ("content-encoding", "gzip")],
        &[json, ("content-encoding", "br")],
        &[json, ("content-encoding", "aws-chunked")],
    ] {
        let request = client.request("POST", "/events", bad, body.as_bytes());
        let answer = client.send(request).await.expect("an answer");
        assert_problem(&answer, 415, &format!("{bad:?}"));
    }
    for twice in [
        &[json, ("content-type", "text/plain")][..],
        &[json, json],
        &[("content-type", "application/json, text/plain")],
        &[json, ("content-encoding", "identity"), ("content-encoding", "gzip")],
        &[json, ("content-encoding", "identity, gzip")],
    ] {
        let request = client.request("POST", "/events", twice, body.as_bytes());
        let answer = client.send(request).await.expect("an answer");
        assert_problem(&answer, 400, &format!("{twice:?}"));
    }
    assert_untouched(&system).await;
    for good in [
        &[json][..],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/json; profile=\"a,b\"; odata.metadata=none")],
        &[("content-type", "Application/JSON")],
        &[("content-type", "application/json; charset=utf-8")],
        &[("content-type", "application/json;charset=\"UTF-8\"")],
        &[("content-type", "application/json ; Charset=utf-8 ;")],
        &[json, ("content-encoding", "identity")],
        &[json, ("content-encoding", "Identity")],
        &[json, ("accept", "text/html")],
    ] {
        let request = client.request("POST", "/events", good, body.as_bytes());
        let answer = client.send(request).await.expect("an answer");
        assert_eq!(answer.status, 201, "{good:?}: {}", answer.body);
    }
    assert_well(&system).await;
}

async fn what_is_not_there() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let logged = client.log("there", "{}").await;
    let upper = format!("/events/{}", logged.id).to_uppercase().replace("/EVENTS", "/events");
    for path in [
        "/",
        "//",
        "//events",
        "/Events",
        "/events/",
        "/events//",
        "/events/a/b",
        "/events/x",
        "/events/64fdc8e5a835b1c4d6c5693",
        "/events/64fdc8e5a835b1c4d6c5693ff",
        "/events/zzzzzzzzzzzzzzzzzzzzzzzz",
        "/events/%00",
        "/events/%ff",
        "/events/..%2fchain",
        "/events/{id}",
        "/events/%7Bid%7D",
        "/events/😀",
        "/chain/",
        "/chain/x",
        "/health/",
        "/$default",
        "/favicon.ico",
        "/events;x",
        NO_ID,
        &upper,
    ] {
        let request = if path.is_ascii() {
            client.get(path).await
        } else {
            let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            Raw::ask(system.port, request).await.expect("an answer")
        };
        assert_problem(&request, 404, path);
        if !path.starts_with("/events/") || path.matches('/').count() > 2 || path == "/events/" {
            for method in ["POST", "DELETE", "OPTIONS"] {
                let request = client.request(method, path, &[], b"");
                assert_problem(&client.send(request).await.expect("an answer"), 404, path);
            }
        }
    }
    assert_eq!(assert_well(&system).await, 2);
}

async fn other_methods() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    for (path, allow) in [
        ("/events", "GET, HEAD, POST"),
        (NO_ID, "GET, HEAD"),
        ("/chain", "GET, HEAD"),
        ("/chain/verify", "GET, HEAD"),
        ("/health", "GET, HEAD"),
        ("/openapi.yaml", "GET, HEAD"),
    ] {
        let methods =
            ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "M-SEARCH", "get", "Post", "POST"];
        for method in methods.into_iter().filter(|method| !allow.contains(method)) {
            let headers = [("content-type", "application/json")];
            let request = client.request(method, path, &headers, new_event("method", "{}").as_bytes());
            let answer = client.send(request).await.expect("an answer");
            let case = format!("{method} {path}");
            assert_problem(&answer, 405, &case);
            assert_eq!(answer.header("allow"), allow, "{case}");
        }
    }
    assert_untouched(&system).await;
    client.log("head", "{}").await;
    for path in ["/events", "/events?limit=0", NO_ID, "/chain", "/chain/verify", "/health", "/openapi.yaml"] {
        let get = client.get(path).await;
        let head = client.request("HEAD", path, &[], b"");
        let head = client.send(head).await.expect("an answer");
        assert_eq!((head.status, &*head.body), (get.status, ""), "{path}");
        for name in ["content-type", "content-length", "link", "x-total-count"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}

/// A function is called with headers as JSON, and makes a URL of some of them.
async fn odd_headers() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let ask = async |host: &str, more: &[u8]| {
        let head = format!("GET /health HTTP/1.1\r\nHost: {host}\r\n");
        let request = [head.as_bytes(), more, b"\r\n"].concat();
        Raw::ask(system.port, request).await.expect("an answer")
    };
    for more in [
        &b"User-Agent: \xff\xfe\r\n"[..],
        b"User-Agent: Z\xc3\xbcrich\r\n",
        b"Cookie: \xff; a=b;;; =\r\nCookie: c\r\n",
        b"X-Forwarded-Proto: no scheme\r\n",
        b"X-Forwarded-Proto: javascript\r\n",
        b"X-Forwarded-Proto: \xff\r\n",
        b"X-Forwarded-Host: [\r\nForwarded: host=[\r\n",
        b"X-Empty:\r\nx-empty: \t\r\n",
        b"Authorization: Bearer \xff\r\n",
        b"Content-Type: \xff\r\n",
        b"Expect: nonsense\r\n",
    ] {
        let answer = ask("localhost", more).await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#), "{}", more.escape_ascii());
    }
    let long = format!("X-Long: {}\r\n", "x".repeat(100_000));
    assert_eq!(ask("localhost", long.as_bytes()).await.status, 200);
    for host in ["localhost:", "LOCALHOST:65535", "127.0.0.1:0", "[::1]", "[::1]:80", "127.1.2.3"] {
        assert_eq!(ask(host, b"").await.status, 200, "{host}");
    }
    for host in [
        "",
        " ",
        "localhost:65536",
        "localhost:99999999999999999999",
        "localhost:x",
        "local host",
        "[localhost]",
        "[127.0.0.1]:80",
        "[::1",
        "::1",
        "[::1%25lo]",
        "localhost/",
        "user@localhost",
        "localhost@example.com",
        "\u{e9}",
    ] {
        assert_problem(&ask(host, b"").await, 403, host);
    }
    assert_problem(&ask("localhost,example.com", b"").await, 400, "two hosts, joined");
    assert_problem(&ask("localhost", b"Host: localhost\r\n").await, 400, "two hosts");
    assert_problem(&ask("localhost", b"Origin: http://[::1\r\n").await, 403, "an origin that is none");
    assert_untouched(&system).await;
}

async fn odd_request_targets() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let ask = async |line: &str, host: &str| {
        let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Raw::ask(system.port, request).await.expect("an answer")
    };
    let own = format!("localhost:{}", system.port);
    for target in ["/health", "/health#x", &format!("http://{own}/health"), "http://127.0.0.1/health"] {
        let answer = ask(&format!("GET {target}"), &own).await;
        assert_eq!((answer.status, &*answer.body), (200, r#"{"status":"ok"}"#), "{target}");
    }
    // The Host beside an absolute target means nothing (RFC 9112, 3.2.2).
    for host in ["example.com", "[", "a b"] {
        assert_eq!(ask("GET http://localhost/health", host).await.status, 200, "{host}");
    }
    for target in
        ["http://example.com/health", "https://example.com:443/health", "http://localhost:65536/health"]
    {
        let answer = ask(&format!("GET {target}"), &own).await;
        assert!([400, 403].contains(&answer.status), "{target}: {}", answer.status);
    }
    for line in ["OPTIONS *", "GET *", "GET http://localhost", "CONNECT localhost:80", "CONNECT localhost"] {
        assert_problem(&ask(line, &own).await, 404, line);
    }
    for line in
        ["GET health", "GET", "GET  /health", "/health", "G@T /health", "GET /\x01", "GET /a b", "CONNECT"]
    {
        let status = ask(line, &own).await.status;
        assert!([400, 403].contains(&status), "{line}: {status}");
    }
    let pieces = ["x", "é", "{", "|", "%41"];
    for (piece, length) in
        pieces.into_iter().flat_map(|piece| [(piece, 9_000), (piece, 65_000), (piece, 65_500)])
    {
        let path = piece.repeat(length / piece.len());
        for target in [format!("/{path}"), format!("/events?{path}"), format!("/events/{path}")] {
            let answer = ask(&format!("GET {target}"), &own).await;
            assert_problem(&answer, 414, &format!("{length} bytes of {piece:?}"));
        }
    }
    for piece in pieces {
        let path = piece.repeat(4_000 / piece.len());
        assert_problem(&ask(&format!("GET /{path}"), &own).await, 404, piece);
        assert_problem(&ask(&format!("GET /events?{path}"), &own).await, 400, piece);
    }
    assert_eq!(ask(&format!("GET /{}", "x".repeat(70_000)), &own).await.status, 414);
    assert_untouched(&system).await;
}
