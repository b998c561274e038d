//! Opening a WebSocket: its parameters and headers, and what is refused.

use std::collections::BTreeSet;

use eventlog_chain::Event;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use super::{TEXT, open, with_the_examples};
use crate::api::schema::{around_the_bounds, resolved, yaml};
use crate::bad_input::raw::Raw;
use crate::bad_input::sockets::{good, handshake};
use crate::client::Socket;
use crate::exports::run;
use crate::system::eventlog;

/// What cannot be had of a server that is well: a bug, a store that is away.
const NOT_HERE: [&str; 2] = ["500", "503"];

fn binding(document: &Value) -> &Value {
    &document["channels"]["log"]["bindings"]["ws"]
}

fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// The status with which a handshake is answered.
async fn status(port: u16, query: &str) -> u16 {
    match Socket::try_open(port, &format!("/?{query}"), &[]).await {
        Ok(_) => 101,
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{query}: {error}"),
    }
}

pub(super) async fn parameters() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_examples(&document).await;
    let example = &document["components"]["messages"]["event"]["examples"][0]["payload"];
    let example = Event::from_json(&example.to_string()).expect("an event");
    let after = ("after", "64fdc8e5a835b1c4d6c5693f");
    let parameters = binding(&document)["query"]["properties"].as_object().expect("parameters");
    for (name, schema) in parameters {
        let schema = resolved(&document, schema);
        let (mut good, bad) = around_the_bounds(schema);
        let examples = schema["examples"].as_array().expect("examples").iter().filter_map(Value::as_str);
        let examples: Vec<_> = examples.collect();
        good.extend(examples.iter().map(|example| (*example).to_owned()));
        for (values, expected) in [(good, 101), (bad, 400)] {
            assert!(!values.is_empty(), "{name} has bounds");
            for value in values {
                assert_eq!(status(system.port, &query(&[(name, &value)])).await, expected, "{name}={value}");
            }
        }
        let twice = query(&[(name, examples[0]), (name, examples[0])]);
        assert_eq!(status(system.port, &twice).await, 400, "{twice}");
        // The examples lead to the event of the examples.
        if name != "after" && name != "batch" {
            let mut socket = open(&system, &query(&[after, (name, examples[0])])).await;
            assert_eq!(socket.event().await, example, "{name}");
            let mut other = open(&system, &query(&[after, (name, "Other & more")])).await;
            let mut event = json!({ "eventType": "E", "sourceAppId": "A", "dataPayload": {} });
            event[name] = "Other & more".into();
            let logged = system.client().await.post(event.to_string()).await.json();
            assert_eq!(other.event().await.id.to_string(), logged["event"]["_id"], "{name}");
        }
    }
    assert_eq!(binding(&document)["query"]["additionalProperties"], false);
    // What is not in the document is not taken, though HTTP may know it.
    for (name, value) in [
        ("undocumented", "1"),
        ("page", "1"),
        ("limit", "10"),
        ("order", "asc"),
        ("from", "2024-11-22T08:32:05.391Z"),
        ("to", "2024-11-22T08:32:05.391Z"),
        ("before", after.1),
        ("after", after.1),
        ("eventType", "Login"),
        ("sourceAppId", "App1"),
        ("batch", "1"),
    ] {
        let expected = if parameters.contains_key(name) { 101 } else { 400 };
        assert_eq!(status(system.port, &query(&[(name, value)])).await, expected, "{name}");
    }
    let both = query(&[after, ("eventType", "Logout"), ("sourceAppId", "App1")]);
    assert_eq!(open(&system, &both).await.event().await, example);
}

pub(super) async fn servers() {
    let document = yaml(TEXT);
    let servers = &document["servers"];
    let stage = servers["deployed"]["pathname"].as_str().and_then(|path| path.strip_prefix('/'));
    let template = include_str!("../../../template.yaml");
    assert!(template.contains(&format!("\n      StageName: {}\n", stage.expect("a stage"))));
    let help = run(eventlog(&["tail", "--help"])).await.stdout;
    let host = servers["dev"]["host"].as_str().expect("a host");
    assert!(help.contains(&format!("[default: ws://{host}]")), "{help}");
}

pub(super) async fn headers() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_examples(&document).await;
    let headers = binding(&document)["headers"]["properties"].as_object().expect("headers");
    assert_eq!(headers.len(), 2);
    for (name, schema) in headers {
        for example in schema["examples"].as_array().expect("examples").iter().filter_map(Value::as_str) {
            let mut lines = good().to_vec();
            lines.push(format!("{name}: {example}"));
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let answer = Raw::ask(system.port, handshake(&lines)).await.expect("an answer");
            let subprotocol = if name == "Authorization" { "" } else { "eventlog.v1" };
            assert_eq!(
                (answer.status, answer.header("sec-websocket-protocol")),
                (101, subprotocol),
                "{name}"
            );
        }
    }
    // The other way to say who one is.
    let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert!(headers.contains_key(schemes["subprotocol"]["name"].as_str().expect("a name")));
}

pub(super) async fn every_refusal() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_examples(&document).await;
    let [upgrade, connection, version, key] = &good();
    let start = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}");
    let root = start("/", "localhost");
    let mut seen = BTreeSet::new();
    for (start, lines) in [
        (&start("/?undocumented=1", "localhost"), [upgrade, connection, version, key]),
        (&start("/?after=000000000000000000000000", "localhost"), [upgrade, connection, version, key]),
        (&root, [upgrade, connection, version, version]),
        (&start("/", "example.com"), [upgrade, connection, version, key]),
        (&root, [upgrade, connection, key, key]),
        (&root, [upgrade, connection, key, &"Sec-WebSocket-Version: 8".to_owned()]),
        (&root, [upgrade, connection, version, &format!("{key}\r\nOrigin: https://example.com")]),
    ] {
        let lines = lines.map(String::as_str).join("\r\n");
        let request = format!("{start}\r\n{lines}\r\n\r\n");
        let answer = Raw::ask(system.port, &request).await.expect("an answer");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{request}: {}", answer.body);
        seen.insert(answer.status.to_string());
    }
    let documented = document["channels"]["log"]["x-refusals"].as_object().expect("refusals").keys();
    let documented: BTreeSet<_> =
        documented.filter(|status| !NOT_HERE.contains(&status.as_str())).cloned().collect();
    assert_eq!(seen, documented);
}
