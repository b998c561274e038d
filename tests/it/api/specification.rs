//! `openapi.yaml` says what the server does, and the server does what it says.
//!
//! The log holds the event of its examples, so that those can be taken at their word.

mod limits;
mod statuses;

use std::collections::BTreeSet;

use eventlog_chain::Event;
use eventlog_edge::routes;
use eventlog_ledger::EventStore;
use eventlog_store_sqlite::{Durability, Events};
use eventlog_testing::trial;
use libtest_mimic::Trial;
use serde_json::Value;

use super::schema::{faults, resolved, yaml};
use crate::system::{Backend, Data, System};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("the_specification_is_served_as_it_is_in_the_repository", served),
        trial("the_specification_has_every_route", every_route),
        trial("the_specifications_examples_are_true", examples),
        trial("the_specifications_parameters_are_the_servers", limits::parameters),
        trial("the_specifications_limits_of_a_body_are_the_servers", limits::limits_of_a_body),
        trial("the_specification_has_every_status", statuses::every_status),
    ]
}

const TEXT: &str = include_str!("../../../openapi.yaml");

/// A method of a path.
struct Operation<'a> {
    method: String,
    path: &'a str,
    says: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, says)| Operation { method: method.to_uppercase(), path, says })
    });
    operations.collect()
}

/// The event of the examples.
pub(crate) fn the_example() -> Event {
    let document = yaml(TEXT);
    let event = document
        .pointer("/paths/~1events~1{id}/get/responses/200/content/application~1json/examples/one/value");
    Event::from_json(&event.expect("an example").to_string()).expect("an event")
}

/// A server whose log has these events, which must be a chain.
pub(crate) async fn with_the_events(events: Vec<Event>) -> (Data, System) {
    let data = Data::fresh(Backend::Sqlite);
    let log = Events::open(data.folder(), Durability::Process).expect("a log");
    log.restore(None, events).await.expect("restored");
    let system = data.serve().await;
    let window = system.client().await.get("/chain/verify").await;
    assert_eq!(window.json()["valid"], true, "its hash is right: {}", window.body);
    (data, system)
}

async fn served() {
    let data = Data::fresh(Backend::Sqlite);
    let answer = data.serve().await.client().await.get("/openapi.yaml").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/yaml"));
    assert!(answer.body == TEXT);
}

async fn every_route() {
    let document = yaml(TEXT);
    let said: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|operation| (operation.method, operation.path.to_owned()))
        .collect();
    let known = routes::ALL.into_iter().map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(said, known.collect());
}

/// The names and values of `examples`.
fn examples_of(content: &Value) -> impl Iterator<Item = (&String, &Value)> {
    content["examples"].as_object().into_iter().flatten().map(|(name, example)| (name, &example["value"]))
}

async fn examples() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_events(vec![the_example()]).await;
    let mut client = system.client().await;
    let mut count = 0;
    for Operation { method, path, says } in operations(&document) {
        for (status, response) in says["responses"].as_object().expect("responses") {
            for content in resolved(&document, response)["content"].as_object().expect("content").values() {
                for (name, example) in examples_of(content) {
                    let found = faults(&document, &content["schema"], example);
                    assert_eq!(found, [""; 0], "{method} {path} {status} {name}");
                    count += 1;
                }
            }
        }
        let path = path.replace("{id}", "64fdc8e5a835b1c4d6c5693f");
        let content = &says["responses"]["200"]["content"]["application/json"];
        if content.is_object() {
            let answer = client.get(&path).await;
            assert!(
                examples_of(content).any(|(_, example)| *example == answer.json()),
                "{path}: {}",
                answer.body
            );
        }
    }
    assert!(count > 8, "{count} examples");

    // POSTs come last: they change the log.
    let body = &document["paths"]["/events"]["post"]["requestBody"]["content"]["application/json"];
    let key = document["components"]["parameters"]["IdempotencyKey"]["example"].as_str().expect("an example");
    for (name, example) in examples_of(body) {
        assert_eq!(faults(&document, &body["schema"], example), [""; 0], "{name}");
        let answer = client.post(example.to_string()).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.body);
    }
    let (_, one) = examples_of(body).find(|(name, _)| *name == "one").expect("an example");
    let answers = [client.keyed(key, one.to_string()).await, client.keyed(key, one.to_string()).await];
    assert_eq!((answers[0].status, &answers[0].body), (201, &answers[1].body));
}
