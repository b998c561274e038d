//! The function as Lambda calls it.

use std::convert::Infallible;

use eventlog_edge::BasePath;
use eventlog_ledger::{Draft, EventStore};
use eventlog_list_events::handle;
use eventlog_store_sqlite::{Durability, Events};
use eventlog_testing::{draft, fixture};
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};
use serde_json::Value;

/// What the function sends back to Lambda.
async fn reply(log: &Events, method: &str, path: &str, query: &str) -> String {
    let mut envelope = fixture("http-get-event");
    envelope["rawPath"] = path.into();
    envelope["rawQueryString"] = query.into();
    envelope["requestContext"]["http"]["method"] = method.into();
    let request = LambdaEvent::new(serde_json::from_value(envelope).expect("a request"), Context::default());
    let function =
        service_fn(async |request| Ok::<_, Infallible>(handle(log, &BasePath::default(), request).await));
    let response = Adapter::from(function).call(request).await.expect("a response");
    serde_json::to_string(&response).expect("JSON")
}

async fn get(log: &Events, method: &str, path: &str, query: &str) -> (u64, String) {
    let reply: Value = serde_json::from_str(&reply(log, method, path, query).await).expect("JSON");
    assert_eq!(reply["isBase64Encoded"], false);
    let status = reply["statusCode"].as_u64().expect("a status");
    (status, reply["body"].as_str().expect("a text").to_owned())
}

#[tokio::test]
async fn each_route_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let draft = Draft { id: "64fdc8e5a835b1c4d6c5693f".parse().expect("an id"), ..draft("one", "{}") };
    let event = log.append(vec![draft]).await.expect("logged").remove(0);
    let json = event.to_json();
    assert_eq!(get(&log, "GET", "/events", "").await, (200, format!("[{json}]")));
    assert_eq!(get(&log, "GET", "/events/64fdc8e5a835b1c4d6c5693f", "").await, (200, json));
    let chain = format!(r#"{{"length":1,"headId":"{}","headHash":"{}"}}"#, event.id, event.current_hash);
    assert_eq!(get(&log, "GET", "/chain", "").await, (200, chain));
    assert_eq!(get(&log, "GET", "/health", "").await, (200, r#"{"status":"ok"}"#.into()));
    for (status, method, path, query) in [
        (400, "GET", "/events/64fdc8e5a835b1c4d6c5693f", "a=1&a=2"),
        (400, "GET", "/events", "page=1&page=2"),
        (404, "GET", "/", ""),
        (404, "GET", "/events/64fdc8e5a835b1c4d6c56940", ""),
        (404, "GET", "/events/nonsense", ""),
        (405, "DELETE", "/chain", ""),
    ] {
        assert_eq!(get(&log, method, path, query).await.0, status, "{method} {path}?{query}");
    }
}

/// An event of the largest size, made of what JSON in JSON doubles: the answer must still fit Lambda's 6 MB.
#[tokio::test]
async fn an_answer_fits_lambdas_envelope() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let payload = format!(r#"{{"text":"{}"}}"#, r#"\""#.repeat(61_000));
    let drafts: Vec<_> = (0..32).map(|_| draft("large", &payload)).collect();
    log.append(drafts).await.expect("logged");
    let reply = reply(&log, "GET", "/events", "limit=32").await;
    assert!(reply.starts_with(r#"{"statusCode":200,"#) && reply.contains(r#""isBase64Encoded":true"#));
    assert!((5_000_000..6_000_000).contains(&reply.len()), "{} bytes", reply.len());
}
