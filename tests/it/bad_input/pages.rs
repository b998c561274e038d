//! Pages that would be too large for one answer.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::assert_problem;
use super::sizes::{MAX_EVENT, event_of};
use crate::client::{Client, events_in};
use crate::system::{Backend, Data};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("a_page_that_is_too_large_names_a_limit_that_works", a_limit_that_works),
        trial("a_page_of_just_4_mb_is_whole_and_one_above_is_refused", || around_4_mb(&[-1, 0, 1, 2])),
    ]
}

const MAX_PAGE: usize = 4_000_000;

async fn log(client: &mut Client, count: usize, bytes: usize) {
    let body = event_of(bytes);
    for _ in 0..count {
        let answer = client.post(&body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}

fn named_limit(detail: &str) -> usize {
    let digits = detail.split("limit=").nth(1).expect("a limit");
    digits.split(|c: char| !c.is_ascii_digit()).next().and_then(|limit| limit.parse().ok()).expect("a number")
}

async fn a_limit_that_works() {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    log(&mut client, 70, MAX_EVENT).await;
    let mut limit = None;
    for query in ["", "?limit=1000", "?limit=34", "?page=2&limit=34"] {
        let problem = assert_problem(&client.get(&format!("/events{query}")).await, 400, query);
        limit = Some(named_limit(problem["detail"].as_str().expect("a text")));
    }
    let limit = limit.expect("a limit");
    let mut seen = 0;
    for page in 1.. {
        let answer = client.get(&format!("/events?page={page}&limit={limit}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.body.len() <= MAX_PAGE);
        let events = events_in(&answer.body);
        assert_eq!(events.len(), limit.min(70 - seen), "page {page} is whole");
        seen += events.len();
        if events.is_empty() {
            break;
        }
    }
    assert_eq!(seen, 70);
    // The last page is short because the log ends, not because it is too large.
    assert_eq!(events_in(&client.get("/events?page=3&limit=30").await.body).len(), 10);
    assert_eq!(client.get("/events?page=2&limit=70").await.body, "[]");
}

/// Pages of 33, each with 32 of the largest events and one that makes the page as large as the case wants.
async fn around_4_mb(offsets: &[isize]) {
    let data = Data::fresh(Backend::Sqlite);
    let system = data.serve().await;
    let mut client = system.client().await;
    log(&mut client, 33, 1_000).await;
    let cases = offsets.iter().map(|offset| MAX_PAGE.strict_add_signed(*offset));
    for bytes in cases.clone() {
        log(&mut client, 32, MAX_EVENT).await;
        log(&mut client, 1, bytes - "[]".len() - 32 * (MAX_EVENT + 1)).await;
    }
    log(&mut client, 1, 1_000).await;
    for (page, bytes) in (2..).zip(cases) {
        let answer = client.get(&format!("/events?page={page}&limit=33")).await;
        if bytes > MAX_PAGE {
            assert_problem(&answer, 400, "above");
        } else {
            assert_eq!(answer.status, 200, "{bytes}: {}", answer.body);
            assert_eq!((answer.body.len(), events_in(&answer.body).len()), (bytes, 33));
        }
    }
}
