//! `template.yaml` as CloudFormation would carry it out: parameters, conditions and functions put in, with
//! stand-ins for what only a deployment knows. `!Ref Thing` becomes `Thing`, `!GetAtt Thing.Arn` becomes
//! `Thing.Arn`; what has no value is `null`.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
const PSEUDO_PARAMETERS: [(&str, &str); 5] = [
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::Region", "eu-central-1"),
    ("AWS::StackName", "eventlog"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// The resources of a deployment, by their names.
pub(crate) struct Deployed(BTreeMap<String, Value>);

/// A function of it.
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) properties: &'a Value,
}

impl Deployed {
    /// With these parameters; the others have their defaults.
    pub(crate) fn with(parameters: &[(&str, &str)]) -> Self {
        let document = std::fs::read_to_string(TEMPLATE).expect("the template");
        let document = Yaml::load_from_str(&document).expect("YAML");
        let document = plain(&document[0]);
        let mut values: BTreeMap<String, Value> = members(&document["Parameters"])
            .map(|(name, parameter)| (name.clone(), parameter["Default"].clone()))
            .collect();
        for (name, value) in parameters {
            let known = values.insert((*name).to_owned(), json!(value));
            assert!(known.is_some(), "the template has no parameter {name}");
        }
        values.extend(PSEUDO_PARAMETERS.map(|(name, value)| (name.to_owned(), json!(value))));
        values.insert("AWS::NoValue".to_owned(), Value::Null);

        let scope = Scope { values, conditions: &document["Conditions"] };
        let mut resources = BTreeMap::new();
        for (name, resource) in members(&document["Resources"]) {
            if resource["Condition"].as_str().is_none_or(|condition| scope.holds(condition)) {
                let mut resource = scope.resolve(resource);
                if resource["Type"] == "AWS::Serverless::Function" {
                    let own = std::mem::replace(
                        &mut resource["Properties"],
                        scope.resolve(&document["Globals"]["Function"]),
                    );
                    merge(&mut resource["Properties"], own);
                }
                resources.insert(name.clone(), resource);
            }
        }
        Self(resources)
    }

    /// Both ways to learn of new events.
    pub(crate) fn in_both_modes() -> [Self; 2] {
        ["AtlasTrigger", "Polling"].map(|trigger| Self::with(&[("BroadcastTrigger", trigger)]))
    }

    pub(crate) fn resource(&self, name: &str) -> &Value {
        let resource = self.0.get(name).unwrap_or_else(|| panic!("the template has no resource {name}"));
        &resource["Properties"]
    }

    /// All of them, whole.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = Function<'_>> {
        let is_function = |resource: &Value| resource["Type"] == "AWS::Serverless::Function";
        self.0
            .iter()
            .filter(move |(_, resource)| is_function(resource))
            .map(|(name, resource)| Function { name, properties: &resource["Properties"] })
    }
}

impl Function<'_> {
    /// The variables that are set, and the names of those that only `sam local` sets.
    pub(crate) fn variables(&self) -> (BTreeMap<String, String>, Vec<String>) {
        let (mut set, mut only_local) = (BTreeMap::new(), Vec::new());
        for (name, value) in members(&self.properties["Environment"]["Variables"]) {
            match value {
                Value::Null => only_local.push(name.clone()),
                value => drop(set.insert(name.clone(), text(value))),
            }
        }
        (set, only_local)
    }
}

/// The members of an object; none of anything else.
pub(crate) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

struct Scope<'a> {
    values: BTreeMap<String, Value>,
    conditions: &'a Value,
}

impl Scope<'_> {
    fn holds(&self, condition: &str) -> bool {
        let found = self.conditions.get(condition);
        self.truth(found.unwrap_or_else(|| panic!("there is no condition {condition}")))
    }

    fn truth(&self, value: &Value) -> bool {
        self.resolve(value).as_bool().unwrap_or_else(|| panic!("{value} is neither true nor false"))
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(object) => match object.iter().next() {
                Some((function, argument)) if object.len() == 1 && is_function(function) => {
                    self.call(function, argument)
                }
                _ => object.iter().map(|(name, member)| (name.clone(), self.resolve(member))).collect(),
            },
            scalar => scalar.clone(),
        }
    }

    fn call(&self, function: &str, argument: &Value) -> Value {
        let item = |n: usize| self.resolve(&argument[n]);
        let mut conditions = argument.as_array().into_iter().flatten();
        match function {
            "Ref" => self.named(&text(argument)),
            "Fn::GetAtt" => json!(text(argument)),
            "Fn::Sub" => json!(self.substitute(&text(argument))),
            "Fn::Split" => text(&item(1)).split(&text(&item(0))).collect(),
            "Fn::Equals" => json!(text(&item(0)) == text(&item(1))),
            "Fn::Not" => json!(!self.truth(&argument[0])),
            "Fn::And" => json!(conditions.all(|condition| self.truth(condition))),
            "Fn::Or" => json!(conditions.any(|condition| self.truth(condition))),
            "Fn::If" if self.holds(&text(&argument[0])) => item(1),
            "Fn::If" => item(2),
            _ => panic!("what does {function} do?"),
        }
    }

    fn named(&self, name: &str) -> Value {
        self.values.get(name).cloned().unwrap_or_else(|| json!(name))
    }

    fn substitute(&self, pattern: &str) -> String {
        let mut parts = pattern.split("${");
        let start = parts.next().unwrap_or_default().to_owned();
        parts.fold(start, |text_so_far, part| {
            let (name, rest) = part.split_once('}').expect("a closing brace");
            text_so_far + &text(&self.named(name)) + rest
        })
    }
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// Numbers and texts are the same to CloudFormation.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Members of `over` win, at any depth.
fn merge(value: &mut Value, over: Value) {
    match (value, over) {
        (Value::Object(value), Value::Object(over)) => {
            for (name, member) in over {
                merge(value.entry(name).or_insert(Value::Null), member);
            }
        }
        (value, over) => *value = over,
    }
}

/// The short form `!Sub …` as the long form `{"Fn::Sub": …}`.
fn plain(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(number)) => json!(number),
        Yaml::Value(Scalar::Boolean(truth)) => json!(truth),
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(mapping) => {
            let members = mapping.iter().map(|(name, member)| (text(&plain(name)), plain(member)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Yaml::Tagged(tag, argument) => {
            let function = if tag.suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{}", tag.suffix) };
            json!({ function: plain(argument) })
        }
        other => panic!("a template has no {other:?}"),
    }
}
