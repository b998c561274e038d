//! JSON Schema, as far as `openapi.yaml` and `asyncapi.yaml` use it, and the YAML that it is written in.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// A document of one YAML file.
pub(crate) fn yaml(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).expect("YAML");
    assert_eq!(documents.len(), 1, "one document");
    value(&documents[0])
}

fn value(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(is_true)) => json!(is_true),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => json!(number.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(members) => {
            let name =
                |name: &Yaml<'_>| name.as_str().unwrap_or_else(|| panic!("a name: {name:?}")).to_owned();
            Value::Object(
                members.iter().map(|(key, member)| (name(key), value(member))).collect::<Map<_, _>>(),
            )
        }
        other => panic!("not expected: {other:?}"),
    }
}

/// What `$ref` refers to, else the value itself.
pub(crate) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => {
            let target = target.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            target.unwrap_or_else(|| panic!("nothing there: {value}"))
        }
        None => value,
    }
}

/// Keywords that say nothing about a value, or are left to those who check with regular expressions.
const UNCHECKED: [&str; 6] = ["description", "examples", "format", "pattern", "not", "default"];

/// What is wrong with a value. A keyword that is not known here is a failure of the test.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let schema = resolved(document, schema);
    let mut found = Vec::new();
    for (keyword, wanted) in schema.as_object().expect("a schema") {
        let is_good = match keyword.as_str() {
            "type" => is_of_type(wanted.as_str().expect("one type"), value),
            "const" => wanted == value,
            "enum" => wanted.as_array().is_some_and(|all| all.contains(value)),
            "minimum" => value.as_i64() >= wanted.as_i64(),
            "maximum" => value.as_i64() <= wanted.as_i64(),
            "minLength" => count(wanted) <= value.as_str().map_or(0, |text| text.chars().count()),
            "maxLength" => value.as_str().map_or(0, |text| text.chars().count()) <= count(wanted),
            "minItems" => count(wanted) <= value.as_array().map_or(0, Vec::len),
            "maxItems" => value.as_array().map_or(0, Vec::len) <= count(wanted),
            "required" => {
                let names = wanted.as_array().into_iter().flatten().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "additionalProperties" => {
                assert_eq!(*wanted, json!(false));
                let known = &schema["properties"];
                value.as_object().is_none_or(|members| members.keys().all(|name| known.get(name).is_some()))
            }
            "properties" => {
                for (name, schema) in wanted.as_object().expect("schemas") {
                    found.extend(
                        value.get(name).into_iter().flat_map(|member| faults(document, schema, member)),
                    );
                }
                true
            }
            "items" => {
                let items = value.as_array().into_iter().flatten();
                found.extend(items.flat_map(|item| faults(document, wanted, item)));
                true
            }
            "oneOf" => {
                let choices = wanted.as_array().expect("schemas").iter();
                choices.filter(|schema| faults(document, schema, value).is_empty()).count() == 1
            }
            "$ref" => faults(document, &json!({ "$ref": wanted }), value).is_empty(),
            other => {
                assert!(UNCHECKED.contains(&other), "{other} is not known here");
                true
            }
        };
        if !is_good {
            found.push(format!("{keyword} {wanted}: {value}"));
        }
    }
    found
}

fn count(wanted: &Value) -> usize {
    wanted.as_u64().and_then(|count| usize::try_from(count).ok()).expect("a count")
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("{other} is not known here"),
    }
}

/// What the schema lets through and what it does not, each at its bounds.
pub(crate) fn around_the_bounds(schema: &Value) -> (Vec<String>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    if let Some(minimum) = schema["minimum"].as_u64() {
        good.push(minimum.to_string());
        bad.push((minimum - 1).to_string());
        bad.push("x".into());
    }
    match (schema["maximum"].as_u64(), schema["minimum"].as_u64()) {
        (Some(maximum), _) => {
            good.push(maximum.to_string());
            bad.push((maximum + 1).to_string());
        }
        (None, Some(_)) => good.push(u64::MAX.to_string()),
        (None, None) => {}
    }
    for choice in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        good.push(choice.to_owned());
        bad.push(choice.to_uppercase());
    }
    if let Some(only) = schema["const"].as_str() {
        good.push(only.to_owned());
        bad.push(format!("{only}x"));
    }
    let lengths = [&schema["minLength"], &schema["maxLength"]].map(Value::as_u64);
    if let [Some(shortest), Some(longest)] =
        lengths.map(|length| length.and_then(|length| usize::try_from(length).ok()))
    {
        // An _id of the right length is not yet one of this log.
        if shortest != longest {
            good.extend([shortest, longest].map(|length| "k".repeat(length)));
        }
        bad.extend([shortest - 1, longest + 1].map(|length| "k".repeat(length)));
    }
    (good, bad)
}
