//! `GET /events` beside a reference: filters, order, pages and cursors in every combination.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::reference::{Asked, EVENTS, Part, TEXTS, asked};
use super::{link, logged};
use crate::bad_input::properties::for_any;
use crate::client::{Client, events_in};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("a_list_is_what_was_asked_for_and_its_links_lead_on"), move || lists(backend)),
        trial(&backend.name("beyond_its_end_a_list_is_empty"), move || beyond_the_end(backend)),
    ]
}

/// Logs events of every type and source, with several to a millisecond.
async fn log(client: &mut Client) -> Vec<Event> {
    let event = |n: usize| {
        let (event_type, source) = (TEXTS[n % 5], TEXTS[(n / 5 * 7 + n) % 5]);
        let members =
            serde_json::json!({ "eventType": event_type, "sourceAppId": source, "dataPayload": { "n": n } });
        members.to_string()
    };
    for start in (0..EVENTS).step_by(4) {
        let events: Vec<_> = (start..start + 4).map(event).collect();
        logged(&client.post(format!("[{}]", events.join(","))).await);
    }
    client.check_log().await
}

async fn lists(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let log = log(&mut client).await;
    assert_eq!(log.len(), EVENTS);
    for_any(250, asked(), async |asked| check(&mut client, &log, &asked).await);
}

async fn check(client: &mut Client, log: &[Event], asked: &Asked) {
    let target = asked.target(log);
    let answer = client.get(&target).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    let (list, given) = (asked.list(log), asked.given(log));
    assert_eq!(events_in(&answer.body), list[given.clone()], "{target}");

    let is_counted = asked.event_type.is_none() && asked.source_app_id.is_none();
    let total = if is_counted { list.len().to_string() } else { String::new() };
    assert_eq!(answer.header("x-total-count"), total, "{target}");
    assert!(link(&answer, "first").is_some(), "{target}");
    let is_page = matches!(asked.part, Part::None | Part::Page(_));
    assert_eq!(link(&answer, "last").is_some(), is_page && is_counted, "{target}");
    let limit = asked.limit();
    let next = given.end..list.len().min(given.end + limit);
    let prev = given.start.saturating_sub(limit)..given.start;
    if !given.is_empty() {
        assert!(next.is_empty() || link(&answer, "next").is_some(), "{target} has a next");
        assert!(prev.is_empty() || link(&answer, "prev").is_some(), "{target} has a prev");
    }
    let last = list.len().saturating_sub(1) / limit * limit..list.len();
    for (rel, expected) in
        [("first", 0..list.len().min(limit)), ("last", last), ("next", next), ("prev", prev)]
    {
        // From an empty page the way back is not to its neighbour.
        let Some(target) = link(&answer, rel).filter(|_| !given.is_empty() || rel != "prev") else {
            continue;
        };
        let answer = client.get(&target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        assert_eq!(events_in(&answer.body), list[expected], "{rel} of {asked:?}: {target}");
    }
}

async fn beyond_the_end(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let empty = client.get("/events?limit=7&order=desc").await;
    assert_eq!((&*empty.body, empty.header("x-total-count")), ("[]", "0"));
    let links = r#"<?page=1&limit=7&order=desc>; rel="first", <?page=1&limit=7&order=desc>; rel="last""#;
    assert_eq!(empty.header("link"), links);

    let log = log(&mut client).await;
    let beyond = client.get("/events?page=1000&limit=7").await;
    assert_eq!((&*beyond.body, beyond.header("x-total-count")), ("[]", "60"));
    assert_eq!(link(&beyond, "next"), None);
    let prev = client.get(&link(&beyond, "prev").expect("a way back")).await;
    assert_eq!(events_in(&prev.body), log[56..]);
    let (first, last) = (log[0].id, log[EVENTS - 1].id);
    for query in [
        format!("after={last}"),
        format!("after={last}&order=desc"),
        format!("before={first}"),
        format!("before={first}&order=desc"),
        "from=9999-12-31T23:59:59.999Z".into(),
        format!("from=9999-12-31T23:59:59.999Z&after={first}"),
        format!("from=9999-12-31T23:59:59.999Z&before={last}&order=desc"),
        "to=0000-01-01T00:00:00Z".into(),
        "from=2025-01-01T00:00:00Z&to=2024-01-01T00:00:00Z".into(),
        "eventType=nothing".into(),
        "sourceAppId=a%00".into(),
    ] {
        let answer = client.get(&format!("/events?{query}")).await;
        assert_eq!((answer.status, &*answer.body), (200, "[]"), "{query}");
        assert_eq!(link(&answer, "next"), None, "{query}");
    }
    let all = "/events?from=0000-01-01T00%3A00%3A00Z&to=9999-12-31T23:59:59%2B00:00";
    assert_eq!(events_in(&client.get(all).await.body), log);
}
