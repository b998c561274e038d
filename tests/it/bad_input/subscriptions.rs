//! WebSockets opened for what there is not.

use eventlog_testing::trial;
use libtest_mimic::Trial;
use tokio_tungstenite::tungstenite::Message;

use super::raw::Raw;
use super::sockets::{good, handshake};
use super::{assert_problem, assert_well};
use crate::client::Socket;
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_socket_for_what_is_not_known_is_refused", refused),
        trial("what_no_action_is_gets_an_error_and_the_socket_stays", no_actions),
    ]
}

async fn refused() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut bystander = Socket::open(system.port).await;
    let logged = system.client().await.log("one", "{}").await;
    assert_eq!(bystander.event().await, logged);
    let id = &logged.id.to_string();
    let long = "x".repeat(257);
    for (query, named) in [
        ("after=64fdc8e5a835b1c4d6c5693f", "after"),
        ("after=x", "after"),
        ("after=", "after"),
        ("after", "after"),
        (&format!("after={}", id.to_uppercase().replace(char::is_numeric, "F")), "after"),
        (&format!("after={id}0"), "after"),
        (&format!("after={id}&after={id}"), "after"),
        (&format!("after={id}&%61fter={id}"), "after"),
        ("eventType=a&eventType=b", "eventType"),
        ("eventType=", "eventType"),
        ("eventType=%FF", "eventType"),
        ("eventType=a%C3", "eventType"),
        ("eventType=%ED%A0%80", "eventType"),
        (&format!("eventType={long}"), "eventType"),
        ("sourceAppId=%80", "sourceAppId"),
        ("sourceAppId=a&sourceAppId=a", "sourceAppId"),
        (&format!("sourceAppId={long}"), "sourceAppId"),
        ("batch=0", "batch"),
        ("batch=", "batch"),
        ("batch=1&batch=1", "batch"),
        ("batch=%FF", "batch"),
        ("Batch=1", "Batch"),
        ("before=64fdc8e5a835b1c4d6c5693f", "before"),
        ("limit=1", "limit"),
        ("$where=1", "$where"),
        ("=1", "\"\""),
        ("eventType[$ne]=a", "eventType[$ne]"),
    ] {
        let lines = good().join("\r\n");
        let request = format!("GET /?{query} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n");
        let answer = Raw::ask(system.port, request).await.expect("an answer");
        let problem = assert_problem(&answer, 400, query);
        let detail = problem["detail"].as_str().expect("a text");
        assert!(detail.contains(named), "{query}: {detail}");
    }
    // What stands for characters that cannot be decoded may be asked for, too.
    let path = "/?eventType=%EF%BF%BD&sourceAppId=App1&batch=1";
    let mut odd = Socket::try_open(system.port, path, &[]).await.expect("a socket");
    let mut client = system.client().await;
    for event_type in ["other", "\u{fffd}"] {
        let logged = client.log(event_type, "{}").await;
        assert_eq!(bystander.event().await, logged);
    }
    assert!(odd.text().await.starts_with("[{"));
    assert_eq!(assert_well(&system).await, 4);
    // A handshake needs its headers whatever the query.
    let request = handshake(&["Upgrade: websocket"]).replace("GET / ", "GET /?batch=1 ");
    assert_problem(&Raw::ask(system.port, request).await.expect("an answer"), 400, "no headers");
}

async fn no_actions() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let bystander = Socket::open(system.port).await;
    let mut socket = Socket::open(system.port).await;
    let deep = format!(r#"{{"action":{}}}"#, "[".repeat(60_000));
    for (message, said) in [
        (Message::text(r#"{"action":"subscribe"}"#), "this action is not known; known is: ping"),
        (Message::text(r#"{"action":"PING"}"#), "this action is not known; known is: ping"),
        (Message::text(r#"{"action":""}"#), "this action is not known; known is: ping"),
        (Message::text(r#"{"action":1}"#), "a message must have an action, a string"),
        (Message::text(r#"{"action":null}"#), "a message must have an action, a string"),
        (Message::text("{}"), "a message must have an action, a string"),
        (Message::text(r#"["action","ping"]"#), "a message must have an action, a string"),
        (Message::text("1e999"), "a message must be JSON"),
        (Message::text("NaN"), "a message must be JSON"),
        (Message::text("\0"), "a message must be JSON"),
        (Message::text("\u{feff}{}"), "a message must be JSON"),
        (Message::text(""), "a message must be JSON"),
        (Message::text(r#"{"action":"ping"} {"action":"ping"}"#), "a message must be JSON"),
        (Message::text(deep), "a message must be JSON"),
        (Message::text("x".repeat(131_072)), "a message must be JSON"),
        (Message::binary(br#"{"action":"ping"}"#.to_vec()), "a message must be text"),
        (Message::binary(vec![0xff; 131_072]), "a message must be text"),
        (Message::binary(Vec::new()), "a message must be text"),
    ] {
        let what = format!("{message:.60}");
        socket.send(message).await.expect("sent");
        let answer = socket.text().await;
        assert_eq!(answer, format!(r#"{{"action":"error","message":"{said}"}}"#), "{what}");
    }
    let unasked = r#"{"action":"ping","more":[1,{"action":"error"}]}"#;
    socket.send(Message::text(unasked)).await.expect("sent");
    assert_eq!(socket.text().await, r#"{"action":"pong"}"#);
    let logged = system.client().await.log("after all that", "{}").await;
    for mut socket in [socket, bystander] {
        assert_eq!(socket.event().await, logged);
    }
    assert_well(&system).await;
}
