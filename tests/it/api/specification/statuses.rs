//! Each status that can be had: it is documented, with its headers and its body; and each that is documented is had.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{TEXT, operations, the_example, with_the_events};
use crate::api::schema::{faults, resolved, yaml};
use crate::client::{Answer, new_event};

/// What cannot be had of a server that is well: a bug, a store that is away, 30 seconds of silence.
const NOT_HERE: [&str; 3] = ["408", "500", "503"];

pub(super) async fn every_status() {
    let document = yaml(TEXT);
    let (_data, system) = with_the_events(vec![the_example()]).await;
    let mut client = system.client().await;
    let (json, key) = (("content-type", "application/json"), ("idempotency-key", "k"));
    let foreign = [json, ("origin", "https://example.com")];
    let good = new_event("T", "{}");
    let long = format!("?{}", "x".repeat(9000));
    let too_large = " ".repeat(3_000_001);
    let mut seen = BTreeSet::new();
    let all = operations(&document);
    for operation in &all {
        let path = operation.path.replace("{id}", "64fdc8e5a835b1c4d6c5693f");
        let method = operation.method.as_str();
        let mut requests = vec![
            (method, path.clone(), vec![json], good.as_str()),
            (method, format!("{path}?x=1"), vec![json], &good),
            (method, path.clone(), foreign.to_vec(), &good),
            ("DELETE", path.clone(), vec![], ""),
            (method, format!("{path}{long}"), vec![json], &good),
        ];
        if operation.path.contains("{id}") {
            requests.push((method, path.replace("64fd", "0000"), vec![], ""));
        }
        if method == "POST" {
            let reserved = r#"{"eventType":"eventlog.x","sourceAppId":"A","dataPayload":{}}"#;
            requests.extend([
                (method, path.clone(), vec![json, key], &*good),
                (
                    method,
                    path.clone(),
                    vec![json, key],
                    r#"[{"eventType":"U","sourceAppId":"A","dataPayload":{}}]"#,
                ),
                (
                    method,
                    path.clone(),
                    vec![json],
                    r#"[{"eventType":"U","sourceAppId":"A","dataPayload":{}}]"#,
                ),
                (method, path.clone(), vec![json], reserved),
                (method, path.clone(), vec![json], "garbage"),
                (method, path.clone(), vec![], &good),
                (method, path.clone(), vec![json], &too_large),
            ]);
        }
        for (method, target, headers, body) in requests {
            let request = client.request(method, &target, &headers, body.as_bytes());
            let answer = client.send(request).await.expect("an answer");
            let case = format!("{method} {}", &target[..target.len().min(60)]);
            let status = answer.status.to_string();
            let response = &operation.says["responses"][&status];
            assert!(!response.is_null(), "{case} answers {status}, which is not documented");
            assert_is_as_documented(&document, resolved(&document, response), &answer, &case);
            seen.insert((operation.method.clone(), operation.path, status));
        }
    }
    let documented = all.iter().flat_map(|operation| {
        let statuses = operation.says["responses"].as_object().expect("responses").keys();
        statuses.map(|status| (operation.method.clone(), operation.path, status.clone()))
    });
    let documented: BTreeSet<_> =
        documented.filter(|(_, _, status)| !NOT_HERE.contains(&&**status)).collect();
    assert_eq!(seen, documented);
}

fn assert_is_as_documented(document: &Value, response: &Value, answer: &Answer, case: &str) {
    let content = &response["content"][answer.header("content-type")];
    assert!(content.is_object(), "{case}: {} is not documented", answer.header("content-type"));
    let body =
        if answer.header("content-type").ends_with("json") { answer.json() } else { yaml(&answer.body) };
    assert_eq!(faults(document, &content["schema"], &body), [""; 0], "{case}");
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let header = resolved(document, header);
        let value = answer.header(name);
        assert!(!value.is_empty() || header["required"] != true, "{case}: {name} is missing");
        if header["schema"]["type"] == "integer" && !value.is_empty() {
            let number = value.parse::<u64>().map_or(Value::Null, Value::from);
            assert_eq!(faults(document, &header["schema"], &number), [""; 0], "{case}: {name}");
        }
    }
    // What a client should act on is documented.
    for name in ["location", "link", "x-total-count", "retry-after", "allow", "www-authenticate"] {
        let documented = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .any(|(known, _)| known.eq_ignore_ascii_case(name));
        assert!(documented || answer.header(name).is_empty(), "{case}: {name} is not documented");
    }
}
