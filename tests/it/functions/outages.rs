//! A database that is not there, for a while or for good.

use eventlog_testing::{Breaker, Lambda, Random, fixture, server, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use tokio::net::TcpListener;

use super::deployment::{Deployment, check_log, get_request, invoke, log};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_without_a_database_say_503_and_keep_secrets", no_database),
        trial("functions_recover_with_their_database", recover),
        trial("functions_outlive_that_idle_connections_are_cut", cut_while_idle),
        trial("functions_outlive_that_idle_connections_are_forgotten", forgotten_while_idle),
    ]
}

/// A breaker that does nothing by chance, and the connection string by way of it.
async fn detour() -> Option<(Breaker, String)> {
    let breaker = Breaker::start("", Random::new(0)).await.expect("a breaker");
    let (upstream, uri) = server().expect("a server").uri_through(breaker.address())?;
    breaker.set_upstream(upstream);
    Some((breaker, uri))
}

async fn is_unavailable(lambda: &Lambda, request: &Value) {
    let answer = invoke(lambda, request).await.expect("an answer");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("urn:eventlog:problem:store-unavailable"), "{}", answer.body);
}

async fn no_database() {
    let deployment = Deployment::on("mongodb://user:hunter2@127.0.0.1:1/?directConnection=true");
    let cases = [
        ("create-event", fixture("http-post-events")),
        ("list-events", get_request("/events", "")),
        ("connect", fixture("websocket-connect")),
        ("disconnect", fixture("websocket-disconnect")),
    ];
    let cases = cases.map(async |(name, request)| {
        let lambda = deployment.deploy(name);
        for _ in 0..2 {
            is_unavailable(&lambda, &request).await;
        }
        let instances = lambda.instances();
        assert_eq!(instances.len(), 1, "{name}");
        let log = instances[0].log();
        assert!(log.contains("unavailable") && !log.contains("hunter2"), "{name}: {log}");
    });
    futures_util::future::join_all(cases).await;
}

async fn recover() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let Some((upstream, uri)) = server().expect("a server").uri_through(address) else { return };
    drop(listener);
    let deployment = Deployment::on(&uri);
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    let (post, get) = (fixture("http-post-events"), get_request("/events", ""));
    tokio::join!(is_unavailable(&create, &post), is_unavailable(&list, &get));
    let listener = TcpListener::bind(address).await.expect("the same port");
    let _breaker = Breaker::on(listener, upstream, Random::new(0)).expect("a breaker");
    let event = log(&create, "after", "{}").await;
    assert_eq!(check_log(&list).await, [event]);
    assert_eq!((create.instances().len(), list.instances().len()), (1, 1));
}

/// As happens to a frozen function, which is not there to notice.
async fn cut_while_idle() {
    let Some((breaker, uri)) = detour().await else { return };
    let deployment = Deployment::on(&uri);
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    let mut logged = Vec::new();
    for n in 0..5 {
        logged.push(log(&create, "cut", &format!(r#"{{"n":{n}}}"#)).await);
        assert_eq!(check_log(&list).await, logged);
        breaker.cut();
    }
    assert_eq!((create.instances().len(), list.instances().len()), (1, 1));
}

/// As a NAT gateway does with connections that were idle for long: nobody is told. The first invocation may find
/// that out the slow way, and must then say that it does not know; the next ones are served.
async fn forgotten_while_idle() {
    let Some((breaker, uri)) = detour().await else { return };
    let deployment = Deployment::on(&uri);
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    let mut logged = vec![log(&create, "before", "{}").await];
    assert_eq!(check_log(&list).await, logged);
    breaker.hang();
    let answer = invoke(&create, &fixture("http-post-events")).await.expect("an answer before the deadline");
    assert!([201, 503].contains(&answer.status), "{}", answer.body);
    logged.push(log(&create, "after", "{}").await);
    let stored = check_log(&list).await;
    assert!(logged.iter().all(|event| stored.contains(event)) && stored.len() <= 3, "{stored:?}");
    assert_eq!((create.instances().len(), list.instances().len()), (1, 1));
}
