//! The command line: what it prints, and how it fails.

use std::process::Output;

use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::net::TcpListener;

use crate::system::{Backend, Data, System, eventlog};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("the_ready_line_has_both_urls", the_ready_line_has_both_urls),
        trial("a_clean_stop_leaves_one_file", a_clean_stop_leaves_one_file),
        trial("a_taken_port_is_one_clear_line", a_taken_port),
        trial("an_unusable_folder_is_one_clear_line", an_unusable_folder),
        trial("an_unreachable_database_is_one_clear_line", an_unreachable_database),
        trial("what_is_durable_survives_too", durable),
        trial("only_this_machine_may_call", only_this_machine),
        trial("a_page_of_this_machine_may_call", a_page_of_this_machine),
    ]
}

async fn fails(arguments: &[&str]) -> String {
    fails_with(2, arguments).await
}

async fn fails_with(code: i32, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        within("the end", eventlog(arguments).output()).await.expect("a process");
    let errors = String::from_utf8(stderr).expect("text");
    assert_eq!(status.code(), Some(code), "{errors}");
    assert_eq!(String::from_utf8_lossy(&stdout), "", "nothing is ready");
    errors
}

fn assert_is_one_line(errors: &str, part: &str) {
    assert!(errors.starts_with("error: ") && errors.contains(part), "{errors:?}");
    assert_eq!(errors.lines().count(), 1, "{errors:?}");
}

async fn the_ready_line_has_both_urls() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let port = system.port;
    assert_eq!(system.ready, format!("Event Logger is ready: http://localhost:{port} ws://localhost:{port}"));
    assert!(data.folder().join("events.db").is_file());
}

/// Whoever copies it then has the log.
async fn a_clean_stop_leaves_one_file() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    system.client().await.log("first", "{}").await;
    assert_eq!(system.signal("TERM").await.0, Some(0));
    let copy = tempfile::tempdir().expect("a folder");
    std::fs::copy(data.folder().join("events.db"), copy.path().join("events.db")).expect("copied");
    let mut verify = eventlog(&["verify", "--json", "--data"]);
    let output = within("verify", verify.arg(copy.path()).output()).await.expect("verify");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.starts_with(r#"{"checked":1,"#), "{said}");
}

async fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("a path");
    assert_is_one_line(&fails(&["dev", "--port", &port, "--data", data]).await, &port);
}

async fn an_unusable_folder() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let below = file.path().join("below");
    let below = below.to_str().expect("a path");
    assert_is_one_line(&fails(&["dev", "--port", "0", "--data", below]).await, below);

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("events.db"), "this is no database, it is a text").expect("written");
    let folder = folder.path().to_str().expect("a path");
    assert_is_one_line(&fails_with(1, &["dev", "--port", "0", "--data", folder]).await, "is damaged");
}

async fn an_unreachable_database() {
    // A port that nobody listens on: it was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("its address");
    let uri = format!("mongodb://user:hunter2@{free}/?directConnection=true");
    let errors = fails(&["dev", "--port", "0", "--mongodb-uri", &uri]).await;
    assert_is_one_line(&errors, "unavailable");
    assert!(!errors.contains("hunter2") && !errors.contains("Topology"), "{errors}");
    let errors = fails(&["dev", "--port", "0", "--mongodb-uri", "mongodb://user:hunter2@"]).await;
    assert_is_one_line(&errors, "connection string");
    assert!(!errors.contains("hunter2"), "{errors}");
}

async fn durable() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = eventlog(&["dev", "--port", "0", "--durable", "--data"]);
    command.arg(folder.path());
    let system = System::start(command).await;
    let logged = system.client().await.log("durable", "{}").await;
    assert_eq!(system.client().await.check_log().await, [logged]);
}

async fn only_this_machine() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    for (name, value) in [("host", "example.com"), ("origin", "https://example.com"), ("origin", "null")] {
        let body = crate::client::new_event("foreign", "{}");
        let mut request =
            client.request("POST", "/events", &[("content-type", "application/json")], body.as_bytes());
        request.headers_mut().insert(name, value.parse().expect("a value"));
        let answer = client.send(request).await.expect("an answer");
        assert_eq!(answer.status, 403, "{name}: {value}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

/// A page on another port of this machine may call, and read what it gets.
async fn a_page_of_this_machine() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    let origin = ("origin", "http://localhost:5173");
    let asks = ("access-control-request-method", "POST");
    let preflight = client.request("OPTIONS", "/events", &[origin, asks], b"");
    let answer = client.send(preflight).await.expect("an answer");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, origin.1));
    assert_eq!(answer.header("access-control-allow-methods"), "GET, HEAD, POST");
    // API Gateway answers the same.
    let template = include_str!("../../template.yaml");
    for (member, name) in [("AllowMethods", "methods"), ("AllowHeaders", "headers")] {
        let allowed = answer.header(&format!("access-control-allow-{name}"));
        assert!(template.contains(&format!("{member}: [{allowed}]")), "{member}: {allowed}");
    }
    let get = client.request("GET", "/events", &[origin], b"");
    let answer = client.send(get).await.expect("an answer");
    assert_eq!((answer.body.as_str(), answer.header("access-control-allow-origin")), ("[]", origin.1));
    let exposed: Vec<_> = answer.header("access-control-expose-headers").split(", ").collect();
    for name in ["link", "x-total-count", "location", "retry-after", "allow"] {
        assert!(exposed.contains(&name), "{name}: {exposed:?}");
    }
    assert_eq!(client.get("/events").await.header("access-control-allow-origin"), "");
}
