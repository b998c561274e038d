//! Connections that want some of the events, or those after one that they name, or several in a message.

use std::sync::Arc;
use std::time::Duration;

use eventlog_chain::Event;
use eventlog_testing::{Lambda, fixture, trial, within};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::deployment::{Deployment, check_log, invoke, log};
use super::gateway::Gateway;
use super::invocations::Invocations;
use super::websocket::wake;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_killed_again_and_again_leave_no_hole_for_any_subscription", killed_again_and_again),
        trial("functions_woken_by_who_connects_tell_what_was_logged_before", woken_by_who_connects),
    ]
}

/// Connects with these parameters. Connection ids are sent percent-encoded, as their last character must be.
async fn subscribe(connect: &Lambda, id: &str, parameters: Value) -> u64 {
    let mut request = fixture("websocket-connect");
    request["requestContext"]["connectionId"] = format!("{id}=").into();
    if let Some(all) = parameters.as_object().filter(|all| !all.is_empty()) {
        let lists = all.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
        request["multiValueQueryStringParameters"] = Value::Object(lists);
        request["queryStringParameters"] = parameters;
    }
    invoke(connect, &request).await.expect("an answer").status
}

/// A few messages are taken, then all instances are killed, again and again, while events are logged and wake-ups come.
/// Each time the lease must lapse first.
async fn killed_again_and_again() {
    let mut gateway = Gateway::start(0).await;
    let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
    let (create, connect) = (deployment.deploy("create-event"), deployment.deploy("connect"));
    let broadcast = deployment.deploy("broadcast");
    let first = log(&create, "first", "{}").await;
    for n in 0..20 {
        log(&create, ["one", "two"][n % 2], "{}").await;
    }
    let after = first.id.to_string();
    for (id, parameters) in [
        ("all", json!({ "after": after })),
        ("live", json!({})),
        ("one", json!({ "eventType": "one", "after": after })),
        ("batch", json!({ "batch": "1", "after": after })),
        ("two-live", json!({ "eventType": "two", "batch": "1" })),
    ] {
        assert_eq!(subscribe(&connect, id, parameters).await, 200, "{id}");
    }
    // Some fail, killed; nobody waits for them.
    let bell = tokio::spawn({
        let broadcast = broadcast.clone();
        async move {
            loop {
                let _ = broadcast.invoke(b"{}").await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    let stop = Arc::new(Semaphore::new(0));
    let load = tokio::spawn({
        let (create, stop) = (create.clone(), stop.clone());
        async move {
            for n in 0.. {
                log(&create, ["one", "two"][n % 2], "{}").await;
                // At least so many, and no more than it takes.
                if n > 20 && stop.is_closed() || n > 400 {
                    return;
                }
            }
        }
    });
    for kill in 1..=3 {
        gateway.takes.add_permits(9);
        within("some messages", gateway.taken.wait_for(|taken| *taken >= kill * 9))
            .await
            .expect("an endpoint");
        for instance in broadcast.instances() {
            instance.kill().await;
        }
    }
    stop.close();
    load.await.expect("no panic");
    gateway.takes.add_permits(100_000);
    let log = check_log(&deployment.deploy("list-events")).await;
    let of = |wanted: &str, log: &[Event]| -> Vec<Event> {
        log.iter().filter(|event| event.event_type == wanted).cloned().collect()
    };
    let (all, live) = (&log[1..], &log[21..]);
    for (id, expected) in [
        ("all", all.to_vec()),
        ("live", live.to_vec()),
        ("one", of("one", all)),
        ("batch", all.to_vec()),
        ("two-live", of("two", live)),
    ] {
        let id = format!("{id}%3D");
        let has_all = |_: &usize| gateway.received(&id, &expected).len() == expected.len();
        let mut taken = gateway.taken.clone();
        within("the rest", taken.wait_for(has_all)).await.expect("an endpoint");
        assert_eq!(gateway.received(&id, &expected), expected);
    }
    bell.abort();
}

async fn woken_by_who_connects() {
    let gateway = Gateway::start(Semaphore::MAX_PERMITS).await;
    let invocations = Invocations::start().await;
    let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
    let deployment = deployment.with("AWS_ENDPOINT_URL_LAMBDA", invocations.url());
    let (create, connect) = (deployment.deploy("create-event"), deployment.deploy("connect"));
    let broadcast = deployment.deploy("broadcast");
    invocations.of(&broadcast);
    let mut events = Vec::new();
    for event_type in ["one", "two", "one"] {
        events.push(log(&create, event_type, "{}").await);
    }
    let id = |event: &Event| event.id.to_string();
    assert_eq!(subscribe(&connect, "live", json!({})).await, 200);
    assert_eq!(subscribe(&connect, "up-to-date", json!({ "after": id(&events[2]) })).await, 200);
    let unknown = json!({ "after": "64fdc8e5a835b1c4d6c5693f" });
    assert_eq!(subscribe(&connect, "unknown", unknown).await, 400);
    assert_eq!(invocations.calls(), [], "there is nothing to send");

    assert_eq!(subscribe(&connect, "behind", json!({ "after": id(&events[0]), "batch": "1" })).await, 200);
    invocations.have_ended(1).await;
    assert_eq!(invocations.calls(), [("Broadcast".to_owned(), json!({}))]);
    assert_eq!(gateway.received("behind%3D", &events), events[1..]);
    assert_eq!(*gateway.taken.borrow(), 1, "one message, and nothing for the others");

    events.push(log(&create, "new", "{}").await);
    wake(&broadcast).await;
    for (connection, from) in [("live%3D", 3), ("up-to-date%3D", 3), ("behind%3D", 1)] {
        assert_eq!(gateway.received(connection, &events), events[from..], "{connection}");
    }
    assert!(gateway.received("unknown%3D", &events).is_empty());
}
