//! The function as Lambda calls it, on a store that fails when it is told to.

use eventlog_create_event::handle;
use eventlog_ledger::EventStore;
use eventlog_store_sqlite::{Durability, Events};
use eventlog_testing::{AppendFault, FaultyStore, check_log, fixture};
use lambda_http::request::LambdaRequest;
use lambda_http::{Body, Request};

fn request() -> Request {
    let request: LambdaRequest = serde_json::from_value(fixture("http-post-events")).expect("a request");
    request.into()
}

fn log(folder: &tempfile::TempDir) -> Events {
    Events::open(folder.path(), Durability::Process).expect("a log")
}

async fn answer(log: &impl EventStore) -> (u16, String) {
    let response = handle(log, request()).await;
    let Body::Text(text) = response.body() else { panic!("a text") };
    (response.status().as_u16(), text.clone())
}

#[tokio::test]
async fn an_event_is_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(&folder);
    let (status, text) = answer(&log).await;
    let stored = check_log(&log).await;
    assert_eq!(status, 201);
    assert_eq!(text, format!(r#"{{"message":"Event logged successfully","event":{}}}"#, stored[0].to_json()));
    assert_eq!(stored[0].data_payload, r#"{"userId":"12345","action":"loggedIn"}"#);
}

#[tokio::test]
async fn a_store_that_fails_is_503_and_its_reason_stays_here() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log(&folder);
    let faulty = FaultyStore::new(log.clone(), [AppendFault::BeforeStore, AppendFault::AfterStore]);
    for logged in [0, 1, 2] {
        let response = handle(&faulty, request()).await;
        if logged < 2 {
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "1");
            let Body::Text(text) = response.body() else { panic!("a text") };
            assert!(!text.contains("told to fail"), "{text}");
        } else {
            assert_eq!(response.status(), 201);
        }
        assert_eq!(check_log(&log).await.len(), logged);
    }
}
