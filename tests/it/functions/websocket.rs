//! Connections: come, speak, are told, go.

use std::time::Duration;

use eventlog_testing::{Lambda, fixture, trial, within};
use libtest_mimic::Trial;
use tokio::sync::Semaphore;

use super::deployment::{Deployment, check_log, invoke, log};
use super::gateway::Gateway;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_tell_connections_what_is_logged", tell_what_is_logged),
        trial("functions_woken_for_each_event_tell_all_in_order", woken_for_each_event),
        trial("functions_killed_while_they_tell_leave_no_hole", killed_while_telling),
        trial("functions_answer_a_ping", ping),
    ]
}

pub(super) async fn wake(broadcast: &Lambda) {
    let answer = within("a run", broadcast.invoke(fixture("atlas-trigger").to_string().as_bytes())).await;
    assert_eq!(answer.expect("an answer"), b"null");
}

/// Connection ids are sent percent-encoded, as their last character must be.
async fn socket(lambda: &Lambda, name: &str, id: &str) {
    let mut request = fixture(name);
    request["requestContext"]["connectionId"] = format!("{id}=").into();
    let answer = invoke(lambda, &request).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn tell_what_is_logged() {
    let gateway = Gateway::start(Semaphore::MAX_PERMITS).await;
    let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
    let create = deployment.deploy("create-event");
    let [connect, disconnect] = ["connect", "disconnect"].map(|name| deployment.deploy(name));
    let broadcast = deployment.deploy("broadcast");

    let mut events = vec![log(&create, "before", "{}").await];
    socket(&connect, "websocket-connect", "one").await;
    events.push(log(&create, "first", "{}").await);
    socket(&connect, "websocket-connect", "two").await;
    events.push(log(&create, "second", "{}").await);
    wake(&broadcast).await;
    assert_eq!(gateway.received("one%3D", &events), events[1..3]);
    assert_eq!(gateway.received("two%3D", &events), events[2..3]);
    wake(&broadcast).await;
    assert_eq!(*gateway.taken.borrow(), 3, "nothing twice");

    gateway.close("one%3D");
    socket(&disconnect, "websocket-disconnect", "one").await;
    events.push(log(&create, "third", "{}").await);
    wake(&broadcast).await;
    assert_eq!(gateway.received("one%3D", &events), events[1..3]);
    assert_eq!(gateway.received("two%3D", &events), events[2..]);
    assert_eq!(check_log(&deployment.deploy("list-events")).await, events);
}

/// As it is deployed: nobody waits for the wake-ups, and many come at once.
async fn woken_for_each_event() {
    const WRITERS: usize = 3;
    const EACH: usize = 10;
    let gateway = Gateway::start(Semaphore::MAX_PERMITS).await;
    let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
    let (create, broadcast) = (&deployment.deploy("create-event"), &deployment.deploy("broadcast"));
    let connect = deployment.deploy("connect");
    for id in ["one", "two"] {
        socket(&connect, "websocket-connect", id).await;
    }
    let writers = (0..WRITERS).map(|_| {
        let (create, broadcast) = (create.clone(), broadcast.clone());
        tokio::spawn(async move {
            let mut wake_ups = Vec::new();
            for n in 0..EACH {
                log(&create, "live", &format!(r#"{{"n":{n}}}"#)).await;
                let broadcast = broadcast.clone();
                wake_ups.push(tokio::spawn(async move { wake(&broadcast).await }));
            }
            for wake_up in wake_ups {
                wake_up.await.expect("a run");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    // Every wake-up was answered: each event was sent by then, by whoever had the lease.
    let log = check_log(&deployment.deploy("list-events")).await;
    assert_eq!(log.len(), WRITERS * EACH);
    for id in ["one%3D", "two%3D"] {
        assert_eq!(gateway.received(id, &log), log);
    }
}

/// The lease of who was killed must lapse first.
async fn killed_while_telling() {
    let mut gateway = Gateway::start(5).await;
    let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
    let (create, broadcast) = (deployment.deploy("create-event"), deployment.deploy("broadcast"));
    socket(&deployment.deploy("connect"), "websocket-connect", "one").await;
    for n in 0..30 {
        log(&create, "many", &format!(r#"{{"n":{n}}}"#)).await;
    }
    let killed = tokio::spawn({
        let broadcast = broadcast.clone();
        async move { broadcast.invoke(b"{}").await }
    });
    within("some messages", gateway.taken.wait_for(|taken| *taken == 5)).await.expect("an endpoint");
    broadcast.instances()[0].kill().await;
    killed.await.expect("no panic").expect_err("it was killed");
    let log = check_log(&deployment.deploy("list-events")).await;
    assert_eq!(gateway.received("one%3D", &log), log[..5]);
    gateway.takes.add_permits(1000);
    let all = async {
        while gateway.received("one%3D", &log).len() < log.len() {
            wake(&broadcast).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    within("the rest", all).await;
    assert_eq!(gateway.received("one%3D", &log), log);
}

async fn ping() {
    let message = Deployment::fresh().deploy("message");
    let mut request = fixture("websocket-message");
    let answer = invoke(&message, &request).await.expect("an answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"action":"pong"}"#));
    request["body"] = "garbage".into();
    let answer = invoke(&message, &request).await.expect("an answer");
    assert!(answer.status == 200 && answer.body.contains(r#""action":"error""#), "{}", answer.body);
}
