//! Lists of more than one answer can hold.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{link, logged};
use crate::bad_input::assert_problem;
use crate::bad_input::sizes::{MAX_EVENT, event_of};
use crate::client::{Answer, Client, events_in};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![trial(&backend.name("a_part_of_more_than_4_mb_ends_early_and_leads_on"), move || {
        ends_early(backend)
    })]
}

const MAX_ANSWER: usize = 4_000_000;

async fn get(client: &mut Client, target: &str) -> (Answer, Vec<Event>) {
    let answer = client.get(target).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    assert!(answer.body.len() <= MAX_ANSWER, "{target}: {} bytes", answer.body.len());
    let events = events_in(&answer.body);
    (answer, events)
}

async fn ends_early(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let mut log = vec![client.log("first", "{}").await];
    let many = format!("[{}]", vec![event_of(MAX_EVENT); 24].join(","));
    for _ in 0..3 {
        log.extend(logged(&client.post(&many).await));
    }
    log.push(client.log("last", "{}").await);
    let (first, last) = (log[0].id, log[log.len() - 1].id);

    for query in ["", "&order=desc", "&eventType=size", "&sourceAppId=App1&order=desc"] {
        let problem = assert_problem(&client.get(&format!("/events?limit=1000{query}")).await, 400, query);
        assert_eq!(problem["type"], "urn:eventlog:problem:page-too-large");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("limit=32 ")), "{problem}");
        assert_eq!(get(&mut client, &format!("/events?limit=32{query}")).await.1.len(), 32);
    }
    let mut expected = log[1..].to_vec();
    for (start, rel) in [
        (format!("after={first}"), "next"),
        (format!("before={last}&order=desc"), "next"),
        (format!("before={last}"), "prev"),
        (format!("after={first}&order=desc&eventType=size"), "prev"),
    ] {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut target = Some(format!("/events?{start}&limit=1000"));
        while let Some(here) = target {
            let (answer, mut events) = get(&mut client, &here).await;
            target = link(&answer, rel);
            assert!(events.len() >= 32 || target.is_none(), "{here}: {} events", events.len());
            if rel == "prev" {
                events.reverse();
            }
            seen.extend(events);
            pages += 1;
        }
        assert_eq!(pages, 3, "{start}");
        let is_forward = start.starts_with("after");
        expected =
            if is_forward { log[1..].to_vec() } else { log[..log.len() - 1].iter().rev().cloned().collect() };
        expected.retain(|event| !start.contains("eventType") || event.event_type == "size");
        assert!(seen == expected, "{start}");
    }
    assert!(!expected.is_empty());
}
