//! Which function a request goes to.

use std::collections::BTreeSet;
use std::fs;

use eventlog_edge::routes::{self, Route};

use super::document::{Deployed, Function, members};

/// What is in `functions/`, and nothing else.
pub(super) fn each_function_is_deployed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
    let packages = fs::read_dir(folder).expect("a folder").map(|entry| {
        let name = entry.expect("an entry").file_name();
        format!("functions/{}", name.to_string_lossy())
    });
    let deployed = Deployed::with(&[]);
    let code = |function: Function<'_>| function.properties["CodeUri"].as_str().map(str::to_owned);
    let functions = deployed.functions().map(|function| code(function).expect("a folder"));
    assert_eq!(functions.collect::<BTreeSet<_>>(), packages.collect());
}

/// As `local/src/functions.rs` calls them.
pub(super) fn http() {
    let deployed = Deployed::with(&[]);
    let mut routes = BTreeSet::new();
    for function in deployed.functions() {
        for (_, event) in members(&function.properties["Events"]) {
            if event["Type"] == "HttpApi" {
                let event = &event["Properties"];
                assert_eq!(event["ApiId"], "HttpApi");
                let part = |name: &str| event[name].as_str().unwrap_or("$default").to_owned();
                routes.insert((part("Method"), part("Path"), function.name.to_owned()));
            }
        }
    }
    let function = |route: Route| if route == routes::CREATE { "CreateEvent" } else { "ListEvents" };
    let known = routes::ALL.into_iter().map(|route| (route.0, route.1, function(route)));
    let known = known.chain([("$default", "$default", "ListEvents")]);
    let known = known.map(|(method, path, function)| (method.into(), path.into(), function.into()));
    assert_eq!(routes, known.collect());
}

pub(super) fn websocket() {
    let deployed = Deployed::with(&[]);
    let routes = &deployed.resource("WebSocketApi")["Routes"];
    let functions: Vec<_> = members(routes)
        .map(|(key, route)| (key.as_str(), route["FunctionArn"].as_str().expect("a function")))
        .collect();
    let known = [("$connect", "Connect.Arn"), ("$default", "Message.Arn"), ("$disconnect", "Disconnect.Arn")];
    assert_eq!(functions, known);
    // Two settings, without which a client is never answered.
    let reply = deployed.resource("WebSocketReply");
    assert_eq!(routes["$default"]["RouteResponseSelectionExpression"], "$default");
    assert_eq!(
        (&reply["RouteId"], &reply["RouteResponseKey"]),
        (&"WebSocketApiDefaultRoute".into(), &"$default".into())
    );
}
