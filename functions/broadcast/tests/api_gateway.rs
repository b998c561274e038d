//! Pushing through the real SDK to an HTTP endpoint that answers as API Gateway does.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use eventlog_broadcast::{ApiGateway, Config, Mode, handle};
use eventlog_ledger::broadcast::{Push, PushError};
use eventlog_ledger::{Connection, ConnectionStore, EventStore, now};
use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::draft;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[derive(Default)]
struct Seen {
    answers: Vec<u16>,
    posts: Vec<(String, String)>,
}

/// An endpoint that answers these statuses, one after the other, then 200.
async fn endpoint(answers: &[u16]) -> (ApiGateway, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let seen =
        Arc::new(Mutex::new(Seen { answers: answers.iter().rev().copied().collect(), posts: Vec::new() }));
    let shared = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = shared.clone();
            let answer = service_fn(move |request| answer(request, seen.clone()));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer),
            );
        }
    });
    let config = Config::from_vars(|name| match name {
        "WEBSOCKET_ENDPOINT" => Some(format!("http://{address}/prod")),
        "BROADCAST_MODE" => Some("trigger".into()),
        "AWS_REGION" => Some("eu-central-1".into()),
        _ => Some(format!("the {name}")),
    });
    (ApiGateway::new(&config.expect("a config")), seen)
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let signature =
        parts.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=the AWS_ACCESS_KEY_ID/"), "{signature}");
    assert_eq!(parts.headers["x-amz-security-token"], "the AWS_SESSION_TOKEN");
    let body = body.collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("text");
    let mut seen = seen.lock().expect("no panic");
    seen.posts.push((parts.uri.path().to_owned(), body));
    let mut response = Response::new(Full::from(r#"{"message":"no"}"#));
    *response.status_mut() = seen.answers.pop().unwrap_or(200).try_into().expect("a status");
    Ok(response)
}

#[tokio::test]
async fn a_post_is_signed_and_its_id_is_encoded() {
    let (gateway, seen) = endpoint(&[]).await;
    gateway.post("L0SM9cOFvHcCIhw=", "{\"é\":1}".into()).await.expect("taken");
    let posts = &seen.lock().expect("no panic").posts;
    assert_eq!(*posts, [("/prod/@connections/L0SM9cOFvHcCIhw%3D".into(), "{\"é\":1}".into())]);
}

#[tokio::test]
async fn each_status_means_what_it_should() {
    let (gateway, seen) = endpoint(&[410, 403, 413, 429, 500, 503]).await;
    let mut results = Vec::new();
    for _ in 0..6 {
        results.push(gateway.post("a=", "{}".into()).await.expect_err("refused"));
    }
    use PushError::{Gone, Refused, Unavailable};
    assert!(
        matches!(
            &results[..],
            [Gone, Refused(_), Refused(_), Unavailable(_), Unavailable(_), Unavailable(_)]
        ),
        "{results:?}"
    );
    assert_eq!(seen.lock().expect("no panic").posts.len(), 6, "the SDK itself repeats nothing");
    let config = Config::from_vars(|name| match name {
        "WEBSOCKET_ENDPOINT" => Some("http://127.0.0.1:1/prod".into()),
        "BROADCAST_MODE" => Some("trigger".into()),
        _ => Some("x".into()),
    });
    let nobody = ApiGateway::new(&config.expect("a config")).post("a=", "{}".into()).await;
    assert!(matches!(nobody, Err(Unavailable(_))), "{nobody:?}");
}

/// A whole run, as a trigger starts it: one connection is gone, the other gets everything, in order.
#[tokio::test]
async fn a_run_delivers_what_is_new_and_forgets_who_is_gone() {
    let (gateway, seen) = endpoint(&[410]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let connections = Connections::open().expect("a store");
    let events = log.append((0..5).map(|_| draft("new", "{}")).collect::<Vec<_>>()).await.expect("logged");
    let deadline = SystemTime::now() + Duration::from_secs(60);
    let an_hour_ago = eventlog_ledger::Timestamp::from_millis(now().millis() - 3_600_000).expect("a time");
    let gone = Connection { id: "gone".into(), connected_at: an_hour_ago, position: 0 };
    connections.add(gone).await.expect("added");
    let run = async || {
        let alarm = log.alarm().await.expect("an alarm");
        handle(&log, &connections, &gateway, alarm, Mode::Trigger, deadline).await.expect("a run");
    };
    run().await;
    assert_eq!(connections.joined(None).await.expect("a look").connections, []);
    connections.add(Connection { id: "here".into(), connected_at: now(), position: 1 }).await.expect("added");
    run().await;
    run().await;
    let posts = seen.lock().expect("no panic").posts.split_off(1);
    let expected: Vec<_> =
        events[1..].iter().map(|event| ("/prod/@connections/here".into(), event.to_json())).collect();
    assert_eq!(posts, expected);
}

/// A scheduled run ends before its deadline, so that it can store what it has done.
#[tokio::test]
async fn a_polling_run_ends_by_itself() {
    let (gateway, _) = endpoint(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = Events::open(folder.path(), Durability::Process).expect("a log");
    let connections = Connections::open().expect("a store");
    let alarm = log.alarm().await.expect("an alarm");
    let deadline = SystemTime::now() + Duration::from_secs(3);
    let run = handle(&log, &connections, &gateway, alarm, Mode::Polling, deadline);
    eventlog_testing::within("the run", run).await.expect("a run");
    assert!(
        connections.lease("somebody else", Duration::ZERO).await.expect("an answer"),
        "the lease is given back"
    );
}
