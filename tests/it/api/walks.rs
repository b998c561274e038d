//! From link to link through a whole list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{array, link, logged};
use crate::client::{Client, events_in};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("links_lead_through_the_whole_list_once"), move || through_the_list(backend)),
        trial(&backend.name("links_lead_through_a_list_that_grows"), move || through_what_grows(backend)),
    ]
}

/// Follows `rel` from link to link; the pages as they came.
async fn walk(client: &mut Client, target: &str, rel: &str) -> Vec<Vec<Event>> {
    let (mut pages, mut target) = (Vec::new(), Some(target.to_owned()));
    while let Some(here) = target {
        let answer = client.get(&here).await;
        assert_eq!(answer.status, 200, "{here}: {}", answer.body);
        pages.push(events_in(&answer.body));
        target = link(&answer, rel);
        assert!(pages.len() < 1000, "a circle: {here}");
    }
    pages
}

async fn through_the_list(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    for n in 0..15 {
        let name = if n % 3 == 0 { "T" } else { "U" };
        logged(&client.post(array("walk", 7).replace("\"T\"", &format!("{name:?}"))).await);
    }
    let log = client.check_log().await;
    let middle = 52;
    let cursor = log[middle].id;
    for (filter, wanted) in
        [("", ["T", "U"]), ("&eventType=T", ["T", "T"]), ("&eventType=U&sourceAppId=App1", ["U", "U"])]
    {
        let list = |from: usize, to: usize| -> Vec<Event> {
            log[from..to].iter().filter(|event| wanted.contains(&&*event.event_type)).cloned().collect()
        };
        let reversed = |events: Vec<Event>| events.into_iter().rev().collect::<Vec<_>>();
        for limit in [1, 10, 35, 1000] {
            let mut through = async |start: &str, expected: Vec<Event>| {
                let target = format!("/events?limit={limit}{start}{filter}");
                let pages = walk(&mut client, &target, "next").await;
                assert_eq!(pages.concat(), expected, "{target}");
                let (last, whole) = pages.split_last().expect("a page");
                assert!(whole.iter().all(|page| page.len() == limit) && last.len() <= limit, "{target}");
            };
            through("&page=1", list(0, 105)).await;
            through("&order=desc", reversed(list(0, 105))).await;
            through(&format!("&after={cursor}"), list(middle + 1, 105)).await;
            through(&format!("&before={cursor}&order=desc"), reversed(list(0, middle))).await;
            // Back again, each page in the order of the list.
            for (start, expected) in [
                (format!("&before={cursor}"), list(0, middle)),
                (format!("&after={cursor}&order=desc"), reversed(list(middle + 1, 105))),
            ] {
                let mut pages =
                    walk(&mut client, &format!("/events?limit={limit}{start}{filter}"), "prev").await;
                pages.reverse();
                assert_eq!(pages.concat(), expected, "{start}{filter}, limit {limit}");
            }
        }
    }
}

/// Oldest first, nothing is missed and nothing comes twice, whoever appends. Newest first with a cursor, what is new
/// stays out.
async fn through_what_grows(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    logged(&client.post(array("before", 50)).await);
    let before = client.check_log().await;
    let is_done = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..2 {
        let mut client = system.client().await;
        writers.push(tokio::spawn(async move {
            for n in 0..15 {
                logged(&client.post(array(&format!("{writer}-{n}"), 20)).await);
            }
        }));
    }
    let all_written = tokio::spawn({
        let is_done = is_done.clone();
        async move {
            for writer in writers {
                writer.await.expect("a writer");
            }
            is_done.store(true, Ordering::SeqCst);
        }
    });
    let mut walkers = Vec::new();
    for start in ["page=1", "page=1&eventType=T", "from=2000-01-01T00:00:00Z&to=9999-01-01T00:00:00Z"] {
        let (mut client, is_done) = (system.client().await, is_done.clone());
        walkers.push(tokio::spawn(async move {
            let mut seen: Vec<Event> = Vec::new();
            let mut target = format!("/events?{start}&limit=9");
            loop {
                // Looked up before the answer: what is logged until now is in it.
                let was_done = is_done.load(Ordering::SeqCst);
                let answer = client.get(&target).await;
                seen.extend(events_in(&answer.body));
                match link(&answer, "next") {
                    Some(next) => target = next,
                    None if was_done => return seen,
                    // At the end, for now.
                    None => {
                        let last = seen.last().expect("an event").id;
                        target = format!(
                            "/events?{}&after={last}&limit=9",
                            start.trim_start_matches("page=1").trim_start_matches('&')
                        );
                    }
                }
            }
        }));
    }
    let cursor = before[before.len() - 1].id;
    let back =
        walk(&mut client, &format!("/events?before={cursor}&order=desc&limit=7"), "next").await.concat();
    assert_eq!(back.into_iter().rev().collect::<Vec<_>>(), before[..before.len() - 1]);
    all_written.await.expect("writers");
    let log = client.check_log().await;
    assert_eq!(log.len(), 50 + 2 * 15 * 20);
    for walker in walkers {
        assert_eq!(walker.await.expect("a walker"), log);
    }
}
