//! One chain, whoever writes.

use std::collections::HashMap;

use eventlog_testing::trial;
use libtest_mimic::Trial;

use crate::client::{Client, events_in};
use crate::system::{Backend, Data};

pub(crate) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("what_is_logged_is_read"), move || what_is_logged_is_read(backend)),
        trial(&backend.name("the_log_outlives_its_server"), move || the_log_outlives_its_server(backend)),
        trial(&backend.name("ten_thousand_concurrent_posts_make_one_chain"), move || many_posts(backend)),
    ]
}

async fn what_is_logged_is_read(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    assert_eq!(client.get("/events").await.body, "[]");
    assert_eq!(client.get("/chain").await.body, r#"{"length":0,"headId":null,"headHash":""}"#);
    assert_eq!(client.get("/health").await.body, r#"{"status":"ok"}"#);

    let mut logged = Vec::new();
    for n in 0..5 {
        logged.push(client.log("Login", &format!(r#"{{"n":{n}}}"#)).await);
    }
    let answer = client.get("/events").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(events_in(&answer.body), logged);
    let page = client.get("/events?page=2&limit=2").await;
    assert_eq!(events_in(&page.body), logged[2..4]);
    assert_eq!(client.get("/events?page=4&limit=2").await.body, "[]");
    assert_eq!(client.get("/events?page=18446744073709551615&limit=1000").await.body, "[]");

    let posted = client.post(crate::client::new_event("Login", "{}")).await;
    let location = posted.header("location");
    assert_eq!(location, format!("/events/{}", posted.json()["event"]["_id"].as_str().expect("an id")));
    let one = client.get(location).await;
    assert!(posted.body.contains(&one.body), "{} in {}", one.body, posted.body);
    assert_eq!(client.check_log().await.len(), 6);
}

async fn the_log_outlives_its_server(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let first = system.client().await.log("one", "{}").await;
    assert_eq!(system.signal("TERM").await, (Some(0), String::new()));
    let system = data.serve().await;
    let second = system.client().await.log("two", "{}").await;
    assert_eq!(system.client().await.check_log().await, [first, second]);
}

/// Every acknowledged event stands in the one chain exactly once, as it was acknowledged.
async fn many_posts(backend: Backend) {
    const CLIENTS: usize = 50;
    const EACH: usize = 200;
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut tasks = Vec::new();
    for writer in 0..CLIENTS {
        let mut client = Client::connect(system.port).await;
        tasks.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..EACH {
                acknowledged.push(client.log("many", &format!(r#"{{"writer":{writer},"n":{n}}}"#)).await);
            }
            acknowledged
        }));
    }
    let mut acknowledged = HashMap::new();
    for task in tasks {
        acknowledged.extend(task.await.expect("a writer").into_iter().map(|event| (event.id, event)));
    }
    assert_eq!(acknowledged.len(), CLIENTS * EACH);
    let stored = system.client().await.check_log().await;
    assert_eq!(stored.len(), CLIENTS * EACH);
    for event in stored {
        assert_eq!(acknowledged.remove(&event.id).as_ref(), Some(&event));
    }
}
