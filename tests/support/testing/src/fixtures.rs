//! Requests that AWS sends to a function: one file for each kind, written after the developer guides.

use serde_json::Value;

/// Names and texts.
const FIXTURES: [(&str, &str); 7] = [
    ("http-post-events", include_str!("../fixtures/http-post-events.json")),
    ("http-get-event", include_str!("../fixtures/http-get-event.json")),
    ("websocket-connect", include_str!("../fixtures/websocket-connect.json")),
    ("websocket-message", include_str!("../fixtures/websocket-message.json")),
    ("websocket-disconnect", include_str!("../fixtures/websocket-disconnect.json")),
    // An Atlas trigger through EventBridge, projected to `_id` as docs/triggers.md describes.
    ("atlas-trigger", include_str!("../fixtures/atlas-trigger.json")),
    // EventBridge Scheduler, for a schedule without an input.
    ("schedule", include_str!("../fixtures/schedule.json")),
];

/// Returns the fixture with this name, which is its file's without `.json`.
pub fn fixture(name: &str) -> Value {
    let found = FIXTURES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.unwrap_or_else(|| panic!("unknown fixture {name}"));
    serde_json::from_str(text).expect(name)
}

/// Returns the sorted pointers and types of all members of a JSON value, except for the members of `headers`.
pub fn shape(value: &Value) -> Vec<String> {
    let mut shape = Vec::new();
    collect(value, "", &mut shape);
    shape.sort();
    shape
}

fn collect(value: &Value, pointer: &str, shape: &mut Vec<String>) {
    let kind = match value {
        Value::Object(members) if !pointer.ends_with("eaders") => {
            for (name, member) in members {
                collect(member, &format!("{pointer}/{name}"), shape);
            }
            return;
        }
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Null => "null",
    };
    shape.push(format!("{pointer}: {kind}"));
}
