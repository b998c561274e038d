//! One request after the other.

use eventlog_testing::{fixture, trial};
use libtest_mimic::Trial;

use super::deployment::{Deployment, check_log, get_request, invoke, log};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_read_what_they_logged", read_what_was_logged),
        trial("functions_refuse_what_is_not_there", not_there),
    ]
}

async fn read_what_was_logged() {
    let deployment = Deployment::fresh();
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    assert_eq!(check_log(&list).await, []);
    let answer = invoke(&create, &fixture("http-post-events")).await.expect("an answer");
    assert_eq!((answer.status, &answer.headers["content-type"]), (201, &"application/json".into()));
    let location = answer.headers["location"].as_str().expect("a location");
    let one = invoke(&list, &get_request(location, "")).await.expect("an answer");
    assert_eq!(one.status, 200);
    assert!(answer.body.contains(&one.body), "{} in {}", one.body, answer.body);
    assert!(one.body.contains(r#""dataPayload":{"userId":"12345","action":"loggedIn"}"#), "{}", one.body);

    let mut logged = Vec::new();
    for n in 0..4 {
        logged.push(log(&create, "Login", &format!(r#"{{"n":{n},"large":12345678901234567e3}}"#)).await);
    }
    let stored = check_log(&list).await;
    assert_eq!((stored.len(), &stored[1..]), (5, &logged[..]));
    let health = invoke(&list, &get_request("/health", "")).await.expect("an answer");
    assert_eq!((health.status, health.body.as_str()), (200, r#"{"status":"ok"}"#));
    assert_eq!((create.instances().len(), list.instances().len()), (1, 1), "one after the other");
}

async fn not_there() {
    let deployment = Deployment::fresh();
    let (create, list) = (deployment.deploy("create-event"), deployment.deploy("list-events"));
    let mut delete = get_request("/events", "");
    delete["requestContext"]["http"]["method"] = "DELETE".into();
    let mut garbage = fixture("http-post-events");
    garbage["body"] = "garbage".into();
    for (lambda, request, status) in [
        (&list, get_request("/events/000000000000000000000000", ""), 404),
        (&list, get_request("/events/x", ""), 404),
        (&list, get_request("/nothing", ""), 404),
        (&list, get_request("/events", "limit=-1"), 400),
        (&list, fixture("http-get-event"), 400),
        (&list, delete, 405),
        (&create, garbage, 400),
    ] {
        let answer = invoke(lambda, &request).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    assert_eq!(check_log(&list).await, []);
}
