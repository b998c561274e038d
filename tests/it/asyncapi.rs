//! `asyncapi.yaml` says what the WebSocket does, and the WebSocket does what it says.
//!
//! The log holds the event of `openapi.yaml`'s examples and that of these, so that they can be taken at their word.

mod closing;
mod opening;

use std::collections::BTreeSet;

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::api::schema::{faults, resolved, yaml};
use crate::api::specification::{the_example, with_the_events};
use crate::client::Socket;
use crate::system::{Data, System};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("the_websockets_examples_are_true", examples),
        trial("the_websocket_does_what_its_operations_say", operations),
        trial("the_websockets_parameters_are_the_servers", opening::parameters),
        trial("the_websockets_headers_are_taken", opening::headers),
        trial("the_websockets_servers_are_those_there_are", opening::servers),
        trial("the_websockets_specification_has_every_refusal", opening::every_refusal),
        trial("the_websockets_specification_has_every_close_code", closing::every_code),
    ]
}

const TEXT: &str = include_str!("../../asyncapi.yaml");

/// A server whose log has the event of the examples, behind another one.
async fn with_the_examples(document: &Value) -> (Data, System) {
    let event = &document["components"]["messages"]["event"]["examples"][0]["payload"];
    let event = Event::from_json(&event.to_string()).expect("an event");
    with_the_events(vec![the_example(), event]).await
}

/// Opens a WebSocket with this query string.
async fn open(system: &System, query: &str) -> Socket {
    let opened = Socket::try_open(system.port, &format!("/?{query}"), &[]).await;
    opened.unwrap_or_else(|error| panic!("{query}: {error}"))
}

async fn say(socket: &mut Socket, message: Message) -> Value {
    socket.send(message).await.expect("sent");
    serde_json::from_str(&socket.text().await).expect("JSON")
}

async fn examples() {
    let document = yaml(TEXT);
    let mut names = BTreeSet::new();
    for (message, says) in document["components"]["messages"].as_object().expect("messages") {
        let examples = says["examples"].as_array().expect("examples");
        assert!(!examples.is_empty(), "{message}");
        for example in examples {
            assert_eq!(faults(&document, &says["payload"], &example["payload"]), [""; 0], "{message}");
            names.insert((message.as_str(), example["name"].as_str().expect("a name")));
        }
    }
    let (_data, system) = with_the_examples(&document).await;
    let after = &document["components"]["schemas"]["EventId"]["examples"][0];
    let after = format!("after={}", after.as_str().expect("an _id"));
    let payload = |message: &str, name: &str| {
        let examples = document["components"]["messages"][message]["examples"].as_array().expect("examples");
        examples.iter().find(|example| example["name"] == name).map(|example| example["payload"].clone())
    };
    let mut socket = open(&system, "").await;
    for (message, name) in &names {
        let expected = payload(message, name).expect("an example");
        let had = match *message {
            "event" => serde_json::from_str(&open(&system, &after).await.text().await).expect("JSON"),
            "events" => {
                let batches = open(&system, &format!("{after}&batch=1")).await.text().await;
                serde_json::from_str(&batches).expect("JSON")
            }
            "pong" => {
                let ping = payload("ping", "ping").expect("an example");
                say(&mut socket, Message::text(ping.to_string())).await
            }
            "error" => {
                let trigger = match (*name, payload("anythingElse", name)) {
                    (_, Some(example)) => Message::text(example.to_string()),
                    ("notJson", _) => Message::text("garbage"),
                    ("binary", _) => Message::binary(b"{}".to_vec()),
                    (other, _) => panic!("nothing is known that brings {other}"),
                };
                say(&mut socket, trigger).await
            }
            // What clients send.
            _ => continue,
        };
        assert_eq!(had, expected, "{message} {name}");
    }
    for (message, name) in names.iter().filter(|(message, _)| *message == "anythingElse") {
        assert!(names.contains(&("error", name)), "{message} {name} has its answer");
    }
}

/// Each operation's messages, and nothing else, come and are answered as it says.
async fn operations() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_examples(&document).await;
    let mut told = BTreeSet::new();
    for (name, operation) in document["operations"].as_object().expect("operations") {
        let messages = |of: &Value| {
            let messages = of["messages"].as_array().expect("messages").iter();
            let twice = |message| resolved(&document, resolved(&document, message)).clone();
            messages.map(twice).collect::<Vec<_>>()
        };
        told.extend(messages(operation).iter().map(Value::to_string));
        if operation["action"] == "send" {
            continue;
        }
        let replies = messages(&operation["reply"]);
        told.extend(replies.iter().map(Value::to_string));
        let mut socket = open(&system, "").await;
        for message in messages(operation) {
            for example in message["examples"].as_array().expect("examples") {
                let reply = say(&mut socket, Message::text(example["payload"].to_string())).await;
                let fits = |of: &Value| faults(&document, &of["payload"], &reply).is_empty();
                assert!(replies.iter().any(fits), "{name}: {reply}");
            }
        }
    }
    let all = document["channels"]["log"]["messages"].as_object().expect("messages").values();
    let all: BTreeSet<_> = all.map(|message| resolved(&document, message).to_string()).collect();
    assert_eq!(told, all, "each message belongs to an operation");

    // One kind of message to each connection, and all of them are as they are described.
    let schema = |message: &str| document["components"]["messages"][message]["payload"].clone();
    let (mut single, mut batch) = (open(&system, "").await, open(&system, "batch=1").await);
    let array = json!([{ "eventType": "E", "sourceAppId": "A", "dataPayload": {} }, { "eventType": "F",
        "sourceAppId": "B", "dataPayload": { "n": 1.0, "é": [null] } }]);
    let logged = system.client().await.post(array.to_string()).await.json();
    let logged = logged["events"].as_array().expect("events");
    let mut batched = Vec::new();
    while batched.len() < logged.len() {
        let events: Value = serde_json::from_str(&batch.text().await).expect("JSON");
        assert_eq!(faults(&document, &schema("events"), &events), [""; 0]);
        batched.extend(events.as_array().expect("an array").clone());
    }
    assert_eq!(batched, *logged);
    for expected in logged {
        let event: Value = serde_json::from_str(&single.text().await).expect("JSON");
        assert_eq!(faults(&document, &schema("event"), &event), [""; 0]);
        assert_eq!(event, *expected);
    }
}
