//! What the role of each function lets it do: what its code does, on what it does it to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Deployed, Function};

/// An action and the resource it is allowed on.
type Permission = (String, String);

pub(super) fn are_what_is_needed() {
    for deployed in Deployed::in_both_modes() {
        for function in deployed.functions() {
            assert_eq!(given(&deployed, &function), needed(&function), "{}", function.name);
        }
    }
}

/// What it takes to use what the variables name, each of which the code needs (`variables.rs`): who is told of a
/// secret reads it, who is told where the connections are posts to them.
fn needed(function: &Function<'_>) -> BTreeSet<Permission> {
    let (variables, _) = function.variables();
    let logs = format!("{}.Arn", text(&function.properties["LoggingConfig"]["LogGroup"]));
    let mut needed = vec![
        ("logs:CreateLogStream", logs.clone()),
        ("logs:PutLogEvents", logs),
        ("xray:PutTelemetryRecords", "*".to_owned()),
        ("xray:PutTraceSegments", "*".to_owned()),
    ];
    for (name, value) in variables {
        match name.as_str() {
            "MONGODB_SECRET_ARN" => needed.push(("secretsmanager:GetSecretValue", value)),
            "WEBSOCKET_ENDPOINT" => {
                let url = value.strip_prefix("https://").expect("a URL");
                let (host, stage) = url.split_once('/').expect("a stage");
                let api = host.strip_suffix(".execute-api.eu-central-1.amazonaws.com").expect("an API");
                let connections = format!("{api}/{stage}/POST/@connections/*");
                let arn = format!("arn:aws:execute-api:eu-central-1:123456789012:{connections}");
                needed.push(("execute-api:ManageConnections", arn));
            }
            "BROADCAST_FUNCTION" => needed.push(("lambda:InvokeFunction", format!("{value}.Arn"))),
            // It shares its work with others of its own.
            "POSTS_PER_SECOND" => needed.push(("lambda:InvokeFunction", format!("{}.Arn", function.name))),
            _ => {}
        }
    }
    let on_failure = &function.properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"];
    if on_failure["Type"] == "SQS" {
        needed.push(("sqs:SendMessage", text(&on_failure["Destination"])));
    }
    needed.into_iter().map(|(action, resource)| (action.to_owned(), resource)).collect()
}

fn given(deployed: &Deployed, function: &Function<'_>) -> BTreeSet<Permission> {
    let name = text(&function.properties["Role"]);
    let name = name.strip_suffix(".Arn").expect("a role of the template");
    let role = deployed.resource(name);
    let attached = deployed.resources().filter(|resource| {
        resource["Type"] == "AWS::IAM::ManagedPolicy"
            && items(&resource["Properties"]["Roles"]).any(|role| text(role) == name)
    });
    let attached = attached.map(|policy| &policy["Properties"]);
    let managed = items(&role["ManagedPolicyArns"]).map(|policy| deployed.resource(&text(policy)));
    let statements = managed.chain(attached).chain(items(&role["Policies"])).flat_map(|policy| {
        let statements = &policy["PolicyDocument"]["Statement"];
        items(statements)
    });
    let mut given = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow");
        for action in items(&statement["Action"]) {
            for resource in items(&statement["Resource"]) {
                given.insert((text(action), text(resource)));
            }
        }
    }
    given
}

/// IAM takes one for a list of one; CloudFormation leaves out what is `AWS::NoValue`.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let one = if value.is_array() || value.is_null() { None } else { Some(value) };
    value.as_array().into_iter().flatten().chain(one).filter(|item| !item.is_null())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
