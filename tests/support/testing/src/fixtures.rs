//! What AWS sends to a function: one file a kind of request, written after the developer guides.

use serde_json::Value;

/// The names and texts of all of them.
const ALL: [(&str, &str); 7] = [
    ("http-post-events", include_str!("../fixtures/http-post-events.json")),
    ("http-get-event", include_str!("../fixtures/http-get-event.json")),
    ("websocket-connect", include_str!("../fixtures/websocket-connect.json")),
    ("websocket-message", include_str!("../fixtures/websocket-message.json")),
    ("websocket-disconnect", include_str!("../fixtures/websocket-disconnect.json")),
    // An Atlas trigger through EventBridge, cut down to `_id` as docs/triggers.md asks for.
    ("atlas-trigger", include_str!("../fixtures/atlas-trigger.json")),
    // EventBridge Scheduler, of a schedule that has no input of its own.
    ("schedule", include_str!("../fixtures/schedule.json")),
];

/// One of them, by the name of its file without `.json`.
pub fn fixture(name: &str) -> Value {
    let found = ALL.iter().find(|(known, _)| *known == name);
    let (_, text) = found.unwrap_or_else(|| panic!("there is no fixture {name}"));
    serde_json::from_str(text).expect(name)
}

/// Where a JSON value has what: the pointers of its members, but for those of `headers`, and of which type they
/// are.
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
