//! Requests with an `Idempotency-Key` that are cut off, and repeated until they are answered.

use std::collections::HashSet;

use eventlog_chain::Event;
use eventlog_ledger::{EventStore, IdempotencyKey, NewEvents, Submission};
use eventlog_store_mongodb::{Database, Events};
use eventlog_testing::{InvokeError, Lambda, fixture, trial, within};
use libtest_mimic::Trial;
use serde_json::Value;
use tokio::sync::mpsc;

use super::deployment::{Deployment, check_log, invoke};
use crate::client::{events_in, new_event};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_complete_what_a_crash_cut_off", complete),
        trial("functions_killed_under_keyed_requests_log_each_event_once", killed),
    ]
}

const EVENTS: usize = 50;

fn body(key: &str) -> String {
    let events = (0..EVENTS).map(|n| new_event("T", &format!(r#"{{"of":"{key}","n":{n}}}"#)));
    format!("[{}]", events.collect::<Vec<_>>().join(","))
}

fn request(key: &str, body: String) -> Value {
    let mut request = fixture("http-post-events");
    request["headers"]["idempotency-key"] = key.into();
    request["body"] = body.into();
    request
}

/// What was answered; `None` where that is 503, and the request may have been done.
async fn try_log(create: &Lambda, key: &str) -> Result<Option<Vec<Event>>, InvokeError> {
    let answer = invoke(create, &request(key, body(key))).await?;
    if answer.status == 503 {
        return Ok(None);
    }
    assert_eq!(answer.status, 201, "{key}: {}", answer.body);
    let events = answer.body.strip_prefix(r#"{"message":"Events logged successfully","events":"#);
    Ok(Some(events_in(events.and_then(|rest| rest.strip_suffix('}')).expect("the answer's form"))))
}

/// Repeats the request until it is answered, as a client would.
async fn log(create: &Lambda, key: &str) -> Vec<Event> {
    let answered = async {
        loop {
            if let Some(events) = try_log(create, key).await.expect("an answer") {
                return events;
            }
        }
    };
    within("an answer", answered).await
}

/// A crash leaves a prefix, of any length.
async fn complete() {
    let deployment = Deployment::fresh();
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    let store = Events::new(&Database::open(deployment.mongodb_uri()).await.expect("a database"));
    let mut all = Vec::new();
    for length in [1, 2, EVENTS / 2, EVENTS - 1, EVENTS] {
        let key = format!("prefix-{length}");
        let events = NewEvents::parse(&body(&key)).expect("an array");
        let whole = Submission::keyed("", &IdempotencyKey::parse(key.as_bytes()).expect("a key"), events);
        let begun = Submission { drafts: whole.drafts[..length].to_vec(), ..whole };
        let done = store.append(begun).await.expect("an append");
        // What others log stands between the parts, and what they ask for with this key is refused.
        all.extend(done.clone());
        all.push(super::deployment::log(&create, "between", "{}").await);
        let shorter = request(&key, format!("[{}]", new_event("T", "{}")));
        assert_eq!(invoke(&create, &shorter).await.expect("an answer").status, 422);

        let events = log(&create, &key).await;
        assert_eq!((events.len(), &events[..length]), (EVENTS, &done[..]));
        all.extend(events[length..].iter().cloned());
        assert_eq!(log(&create, &key).await, events);
    }
    assert_eq!(check_log(&list).await, all);
}

/// Writers whose function is killed again and again; afterwards each request is repeated, answered or not.
async fn killed() {
    const WRITERS: usize = 5;
    const KILLS: usize = 15;
    let deployment = Deployment::fresh();
    let create = deployment.deploy("create-event");
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (create, progress) = (create.clone(), progress.clone());
            tokio::spawn(async move {
                let mut sent = Vec::new();
                for n in 0.. {
                    let key = format!("{writer}-{n}");
                    let answer = match try_log(&create, &key).await {
                        Ok(answer) => answer,
                        Err(InvokeError::Crashed { .. } | InvokeError::Init { .. }) => None,
                        Err(error) => panic!("{error}"),
                    };
                    sent.push((key, answer));
                    if progress.send(()).is_err() {
                        break;
                    }
                }
                sent
            })
        })
        .collect();
    for kill in 0..KILLS {
        for _ in 0..WRITERS {
            within("progress", progressed.recv()).await.expect("writers");
        }
        let running: Vec<_> =
            create.instances().into_iter().filter(|instance| instance.is_running()).collect();
        running[kill % running.len()].kill().await;
    }
    drop(progressed);
    let mut sent = Vec::new();
    for writer in writers {
        sent.extend(within("the end of a writer", writer).await.expect("no panic"));
    }
    let crashed = sent.iter().filter(|(_, answer)| answer.is_none()).count();
    assert!(crashed >= KILLS / 2, "only {crashed} invocations met with a kill");

    for (key, answer) in &sent {
        let events = log(&create, key).await;
        assert!(answer.as_ref().is_none_or(|answer| *answer == events), "{key}");
    }
    let stored = check_log(&deployment.deploy("list-events")).await;
    assert_eq!(stored.len(), sent.len() * EVENTS);
    let said: HashSet<&str> = stored.iter().map(|event| event.data_payload.as_str()).collect();
    assert_eq!(said.len(), stored.len(), "nothing twice");
}
