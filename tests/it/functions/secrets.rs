//! The connection string kept in Secrets Manager. On a simulated replica set, which refuses passwords on command.

use eventlog_simulation::{Settings, Simulation};
use eventlog_testing::SecretReply::{Binary, Error, Silence, Text};
use eventlog_testing::{SecretReply, SecretsManager, fixture, trial, within};
use libtest_mimic::Trial;

use super::deployment::{Deployment, check_log, database_on, invoke, lines, log, post_request};
use super::failures::end;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_read_their_connection_string_from_a_secret", read),
        trial("functions_that_cannot_read_their_secret_end_and_say_why", unreadable),
        trial("functions_wait_for_a_secret_that_is_slow_to_come", slow),
        trial("functions_recover_when_the_password_is_changed", changed),
    ]
}

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:eventlog-a1b2c3";

struct World {
    simulation: Simulation,
    manager: SecretsManager,
    deployment: Deployment,
    /// With `hunter2` for the password, which must not be seen anywhere.
    uri: String,
}

async fn world() -> World {
    let simulation = Simulation::start(Settings::default()).expect("a simulation");
    let uri = database_on(&simulation.uri_with_password("hunter2"));
    let manager = SecretsManager::start([Text(uri.clone())]).await;
    let deployment = Deployment::on(&simulation.uri())
        .without("MONGODB_URI")
        .with("MONGODB_SECRET_ARN", ARN)
        .with("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.url());
    World { simulation, manager, deployment, uri }
}

async fn read() {
    let world = world().await;
    world.simulation.set_password("hunter2").expect("set");
    // Everything that can be logged.
    let deployment = world.deployment.with("AWS_LAMBDA_LOG_LEVEL", "TRACE");
    let [create, list] = ["create-event", "list-events"].map(|name| deployment.deploy(name));
    let event = log(&create, "kept", "{}").await;
    assert_eq!(check_log(&list).await, [event]);
    let [connect, disconnect, broadcast] =
        ["connect", "disconnect", "broadcast"].map(|name| deployment.deploy(name));
    for (lambda, request) in [(&connect, "websocket-connect"), (&disconnect, "websocket-disconnect")] {
        assert_eq!(invoke(lambda, &fixture(request)).await.expect("an answer").status, 200);
    }
    within("a run", broadcast.invoke(b"{}")).await.expect("a run");
    assert_eq!(world.manager.requests().len(), 5, "each instance asks once");
    for lambda in [create, list, connect, disconnect, broadcast] {
        let log = lambda.instances()[0].log();
        assert!(log.contains("TRACE") && !log.contains("hunter2"), "{log}");
    }
}

/// Lambda starts another instance for the next invocation, which asks again.
async fn unreadable() {
    let World { simulation: _simulation, manager, deployment, uri } = world().await;
    for (reply, why) in [
        (Error("AccessDeniedException"), "AccessDeniedException"),
        (Error("ResourceNotFoundException"), "ResourceNotFoundException"),
        (Error("DecryptionFailure"), "DecryptionFailure"),
        (Binary, "is binary"),
        (Text(r#"{"uri":"mongodb://user:hunter2@localhost"}"#.into()), "the connection string alone"),
        (Text("mongodb://user:hunter2@".into()), "the MongoDB connection string is malformed"),
    ] {
        manager.set_replies([reply]);
        let lambda = deployment.deploy("create-event");
        let (status, log) = end("create-event", &lambda).await;
        assert_eq!(status.code(), Some(1), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
        let lines = lines(&log);
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &"ERROR".into()), "{log}");
        let message = lines[0]["fields"]["message"].as_str().expect("a message");
        assert!(message.contains(why), "{message}");
        assert!(message.contains(ARN) || why.contains("malformed"), "{message}");
        manager.set_replies([Text(uri.clone())]);
        self::log(&lambda, "recovered", "{}").await;
        assert_eq!(lambda.instances().len(), 2);
    }
}

async fn slow() {
    let World { simulation: _simulation, manager, deployment, uri } = world().await;
    let replies: [SecretReply; 3] = [Error("ThrottlingException"), Silence, Text(uri)];
    manager.set_replies(replies);
    let lambda = deployment.deploy("create-event");
    log(&lambda, "slow", "{}").await;
    assert_eq!((lambda.instances().len(), manager.requests().len()), (1, 3));
}

/// Whoever meets with the change is told 503; then the secret is read anew, by the same instance.
async fn changed() {
    let World { simulation, manager, deployment, uri } = world().await;
    let create = deployment.deploy("create-event");
    log(&create, "before", "{}").await;
    simulation.set_password("changed").expect("set");
    // As between the two steps of a rotation: the database has the new password, the secret has not.
    for asked in 1..=2 {
        let answer = invoke(&create, &post_request("between", "{}")).await.expect("an answer");
        assert_eq!((answer.status, manager.requests().len()), (503, asked), "{}", answer.body);
        assert_eq!(answer.headers["retry-after"], "1");
    }
    manager.set_replies([Text(uri.replace("hunter2", "changed"))]);
    log(&create, "after", "{}").await;
    log(&create, "and on", "{}").await;
    assert_eq!((create.instances().len(), manager.requests().len()), (1, 3));
    let stored = check_log(&deployment.deploy("list-events")).await;
    let types: Vec<_> = stored.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["before", "after", "and on"]);
}
