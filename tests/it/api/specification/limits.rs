//! Parameters, their defaults and bounds, and the bounds of a body.

use serde_json::{Value, json};

use super::{Operation, TEXT, operations, the_example, with_the_events};
use crate::api::array;
use crate::api::schema::{around_the_bounds, resolved, yaml};
use crate::client::{Answer, Client, new_event};

pub(super) async fn parameters() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_events(vec![the_example()]).await;
    let mut client = system.client().await;
    for Operation { method, path, says } in operations(&document) {
        let parameters = says["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        for parameter in parameters.iter().map(|parameter| resolved(&document, parameter)) {
            let name = parameter["name"].as_str().expect("a name");
            let schema = resolved(&document, &parameter["schema"]);
            let example =
                parameter["example"].as_str().map_or_else(|| parameter["example"].to_string(), str::to_owned);
            let (mut good, bad) = around_the_bounds(schema);
            good.push(example);
            good.extend(schema["default"].as_str().map(str::to_owned));
            let mut ask = async |value: &str| send(&mut client, &method, path, parameter, value).await.status;
            let (success, failure) = match (&*method, parameter["in"].as_str()) {
                ("POST", _) => (201, 400),
                (_, Some("path")) => (200, 404),
                _ => (200, 400),
            };
            for value in good {
                assert_eq!(ask(&value).await, success, "{method} {path} {name}={value}");
            }
            for value in bad.iter().filter(|value| !value.is_empty() || success != 200 || failure == 400) {
                assert_eq!(ask(value).await, failure, "{method} {path} {name}={value}");
            }
        }
        // What is not in the document is not taken.
        if method == "GET" {
            let path = path.replace("{id}", "64fdc8e5a835b1c4d6c5693f");
            assert_eq!(client.get(&format!("{path}?undocumented=1")).await.status, 400, "{path}");
        }
    }
    // What is not given has the default.
    for path in ["/events", "/chain/verify"] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().expect("parameters");
        for parameter in parameters.iter().filter(|parameter| parameter["schema"].get("default").is_some()) {
            let (name, default) =
                (parameter["name"].as_str().expect("a name"), &parameter["schema"]["default"]);
            let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            let (without, with) =
                (client.get(path).await, client.get(&format!("{path}?{name}={default}")).await);
            assert_eq!(
                (without.body, without.headers["content-type"].clone()),
                (with.body, with.headers["content-type"].clone())
            );
            assert_eq!(without.headers.get("link"), with.headers.get("link"), "{name}");
        }
    }
}

async fn send(client: &mut Client, method: &str, path: &str, parameter: &Value, value: &str) -> Answer {
    let name = parameter["name"].as_str().expect("a name");
    let json = ("content-type", "application/json");
    let request = match parameter["in"].as_str() {
        Some("header") => {
            // A body of its own for each key.
            let body = new_event("T", &json!({ "key": value }).to_string());
            client.request(method, path, &[json, (name, value)], body.as_bytes())
        }
        Some("path") => client.request(method, &path.replace("{id}", value), &[], b""),
        _ => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            client.request(method, &format!("{path}?{query}"), &[], b"")
        }
    };
    client.send(request).await.expect("an answer")
}

pub(super) async fn limits_of_a_body() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_events(vec![the_example()]).await;
    let mut client = system.client().await;
    let schemas = &document["components"]["schemas"];
    for name in ["eventType", "sourceAppId"] {
        let (good, bad) = around_the_bounds(&schemas["NewEvent"]["properties"][name]);
        for (values, status) in [(good, 201), (bad, 400)] {
            assert_eq!(values.len(), 2, "{name} is bounded");
            for value in values {
                let mut event = json!({ "eventType": "T", "sourceAppId": "A", "dataPayload": {} });
                event[name] = value.into();
                assert_eq!(client.post(event.to_string()).await.status, status, "{event}");
            }
        }
    }
    let bound = |name: &str| {
        schemas["NewEvents"][name].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a bound")
    };
    let (fewest, most) = (bound("minItems"), bound("maxItems"));
    for (count, status) in [(fewest - 1, 400), (fewest, 201), (most, 201), (most + 1, 400)] {
        assert_eq!(client.post(array("limits", count)).await.status, status, "{count}");
    }
}
