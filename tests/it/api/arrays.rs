//! Arrays of events.

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{array, logged};
use crate::bad_input::sizes::{MAX_BODY, MAX_EVENT, event_of};
use crate::bad_input::{assert_problem, assert_untouched, pointers};
use crate::client::{Socket, new_event};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("an_array_is_logged_in_its_order"), move || in_its_order(backend)),
        trial(&backend.name("of_a_bad_array_nothing_is_logged"), move || nothing_is_logged(backend)),
        trial(&backend.name("an_array_of_3_mb_is_logged_and_one_byte_more_is_413"), move || {
            the_largest_array(backend)
        }),
    ]
}

async fn in_its_order(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let mut socket = Socket::open(system.port).await;
    let mut all = vec![client.log("before", "{}").await];
    for count in [1, 2, 500] {
        let answer = client.post(array("array", count)).await;
        assert_eq!(answer.header("location"), "", "there is no one place");
        let events = logged(&answer);
        let payloads: Vec<_> = events.iter().map(|event| event.data_payload.clone()).collect();
        let sent: Vec<_> = (0..count).map(|n| format!(r#"{{"of":"array","n":{n}}}"#)).collect();
        assert_eq!(payloads, sent);
        all.extend(events);
    }
    let blanks = format!(" \r\n\t{}\n", array("blanks", 2).replace("},{", "}\n , {"));
    all.extend(logged(&client.post(blanks).await));
    assert_eq!(client.check_log().await, all);
    for event in all {
        assert_eq!(socket.event().await, event);
    }
}

async fn nothing_is_logged(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let good = new_event("T", "{}");
    let fourth = |bad: &str| format!("[{good},{good},{good},{bad},{good}]");
    let twice = new_event("T", r#"{"a":{"b":[0,{"c":1,"c":2}]}}"#);
    let reserved = new_event("eventlog.x", "{}");
    let large = event_of(MAX_EVENT + 41);
    for (status, body, expected) in [
        (400, "[]".into(), &[""][..]),
        (400, " [ ] ".into(), &[""]),
        (400, array("many", 501), &[""]),
        (400, fourth(&twice), &["/3/dataPayload/a/b/1/c"]),
        (400, fourth(&new_event("T", r#"{"n":9007199254740992}"#)), &["/3/dataPayload/n"]),
        (400, fourth(&new_event(" ", "[]")), &["/3/eventType", "/3/dataPayload"]),
        (400, fourth("{}"), &["/3/eventType", "/3/sourceAppId", "/3/dataPayload"]),
        (400, fourth("1"), &["/3"]),
        (400, fourth("null"), &["/3"]),
        (400, fourth(&format!("[{good}]")), &["/3"]),
        (400, format!("[{twice},{good},{twice}]"), &["/0/dataPayload/a/b/1/c", "/2/dataPayload/a/b/1/c"]),
        (400, fourth("{"), &["/3"]),
        (400, fourth(r#"{"eventType":tru}"#), &["/3/eventType"]),
        (400, format!("[{good},]"), &["/1"]),
        (400, "[".into(), &["/0"]),
        (400, format!("[{good}"), &["/1"]),
        (400, format!("[{good}]x"), &[""]),
        (403, fourth(&reserved), &["/3/eventType"]),
        (413, fourth(&large), &["/3"]),
        // What can be mended comes first.
        (400, format!("[{reserved},{large},{twice}]"), &["/2/dataPayload/a/b/1/c"]),
        (403, format!("[{reserved},{large}]"), &["/0/eventType"]),
        (413, format!("[{large},{reserved}]"), &["/0"]),
    ] {
        let case = &body[..body.len().min(200)];
        let answer = client.post(&body).await;
        assert_eq!(pointers(&assert_problem(&answer, status, case)), expected, "{case}: {}", answer.body);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_problem(&client.post(deep).await, 400, "deep");
    assert_problem(&client.post("[".repeat(100_000)).await, 400, "deep and unclosed");
    let many_faults = client.post(format!("[{}]", vec!["{}"; 500].join(","))).await;
    assert_problem(&many_faults, 400, "many faults");
    assert!(many_faults.body.len() < 100_000, "{} bytes", many_faults.body.len());
    assert_untouched(&system).await;
}

async fn the_largest_array(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    client.log("the first has no previousHash", "{}").await;
    // As many of the largest events as there is room for, one that fills what is left, and none with a byte too many.
    let large = event_of(MAX_EVENT);
    let count = MAX_BODY / (large.len() + 1);
    let rest = MAX_BODY - "[]".len() - count * (large.len() + 1);
    let filler = event_of(MAX_EVENT - (large.len() - rest));
    let whole = format!("[{}{filler}]", format!("{large},").repeat(count));
    assert_eq!(whole.len(), MAX_BODY);
    assert_problem(&client.post(whole.replacen('[', "[ ", 1)).await, 413, "one byte more");
    let one_too_large = whole.replacen("xx", "xxx", 1).replacen(&filler, &filler.replacen("xx", "x", 1), 1);
    let problem = client.post(one_too_large).await;
    assert_eq!(pointers(&assert_problem(&problem, 413, "an event")), ["/0"]);
    assert_eq!(client.get("/chain").await.json()["length"], 1);

    let mut all = client.check_log().await;
    for body in [whole.clone(), whole.replacen("xx", "x", 1), whole.replacen("xx", "é", 1)] {
        let events = logged(&client.post(&body).await);
        assert_eq!(events.len(), count + 1);
        all.extend(events);
    }
    let last = client.get(&format!("/events/{}", all[all.len() - 2].id)).await;
    assert_eq!(last.body.len(), MAX_EVENT);
    let mut read = Vec::new();
    for page in 1..=all.len().div_ceil(25) {
        read.extend(crate::client::events_in(
            &client.get(&format!("/events?page={page}&limit=25")).await.body,
        ));
    }
    assert_eq!(read, all);
}
