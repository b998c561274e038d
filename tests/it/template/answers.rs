//! The functions as the template deploys them, on MongoDB: each answers what AWS sends it.

use std::time::Duration;

use eventlog_testing::{Lambda, fixture, fresh_database, server, within};
use serde_json::Value;

use super::document::Deployed;
use super::programs::{counts, program};

/// Lambda's functions by their names in the template, on an empty database.
struct Functions(Vec<(String, Lambda)>);

impl Functions {
    fn start(trigger: &str, timeout: Option<Duration>) -> Self {
        let uri = server().expect("a server").uri();
        let (address, options) = uri.split_once('?').unwrap_or((uri, ""));
        let uri = format!("{}/{}?{options}", address.trim_end_matches('/'), fresh_database());
        let deployed = Deployed::with(&[("BroadcastTrigger", trigger)]);
        let functions = deployed.functions().map(|function| {
            // As `sam local` does it: there is no Secrets Manager here.
            let program = program(&function, |name| name != "MONGODB_SECRET_ARN").env("MONGODB_URI", &uri);
            let program = match timeout {
                Some(timeout) => program.timeout(timeout),
                None => program,
            };
            (function.name.to_owned(), program.deploy())
        });
        Self(functions.collect())
    }

    async fn invoke(&self, name: &str, request: &str) -> Value {
        let (_, lambda) = self.0.iter().find(|(known, _)| known == name).expect(name);
        let request = fixture(request).to_string();
        let answer = within(name, lambda.invoke(request.as_bytes())).await.expect(name);
        serde_json::from_slice(&answer).expect("JSON")
    }

    fn log(&self, name: &str) -> String {
        let (_, lambda) = self.0.iter().find(|(known, _)| known == name).expect(name);
        lambda.instances().iter().map(eventlog_testing::Instance::log).collect()
    }
}

pub(super) async fn are_given_to_what_aws_sends() {
    let functions = Functions::start("AtlasTrigger", None);
    for (name, request, status) in [
        ("CreateEvent", "http-post-events", 201),
        // It has a query that this route does not take.
        ("ListEvents", "http-get-event", 400),
        ("Connect", "websocket-connect", 200),
        ("Message", "websocket-message", 200),
        ("Disconnect", "websocket-disconnect", 200),
    ] {
        assert_eq!(functions.invoke(name, request).await["statusCode"], status, "{name}");
    }
    assert_eq!(functions.invoke("Broadcast", "atlas-trigger").await, Value::Null);
    assert_eq!(functions.invoke("Broadcast", "schedule").await, Value::Null);
}

/// The alarm on lag takes silence for the worst: each run that serves must say how far behind it is, in both modes
/// and in the very words that the metric filter looks for.
pub(super) async fn of_the_broadcaster_include_its_lag() {
    let deployed = Deployed::with(&[]);
    let pattern = deployed.resource("BroadcastLagMetric")["FilterPattern"].as_str().expect("a pattern");
    for trigger in ["AtlasTrigger", "Polling"] {
        // A run that polls goes on until shortly before its deadline.
        let functions = Functions::start(trigger, Some(Duration::from_secs(5)));
        functions.invoke("Broadcast", "schedule").await;
        let log = functions.log("Broadcast");
        assert!(log.lines().any(|line| counts(pattern, line)), "{trigger}: {pattern} in {log}");
    }
}
