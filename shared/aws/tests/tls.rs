//! Whose certificates a client trusts.

use std::time::Duration;

use bytes::Bytes;
use eventlog_aws::{Caller, Client, NoReply};
use eventlog_testing::{Endpoint, within};
use http::{Request, Response};
use http_body_util::Full;
use rustls::RootCertStore;

fn caller() -> Caller {
    Caller {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "hunter2".to_owned().into(),
        session_token: None,
    }
}

async fn endpoint() -> Endpoint {
    Endpoint::start_https(|_| async { Response::new(Full::from("taken")) }).await
}

fn trusting(endpoint: &Endpoint) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(endpoint.certificate().expect("it speaks TLS").clone()).expect("a root");
    Client::trusting(caller(), roots)
}

async fn ask(client: &Client, endpoint: &Endpoint) -> Result<Response<Bytes>, NoReply> {
    let request =
        Request::post(format!("{}/prod", endpoint.url())).body("a secret".into()).expect("a request");
    within("an answer", client.send("execute-api", request, Duration::from_secs(5))).await
}

#[tokio::test]
async fn an_endpoint_with_a_given_root_is_spoken_to() {
    let endpoint = endpoint().await;
    let reply = ask(&trusting(&endpoint), &endpoint).await.expect("a reply");
    assert_eq!(reply.body(), "taken");
}

/// Neither by a client that trusts the public roots, nor by one that trusts another one.
#[tokio::test]
async fn no_other_endpoint_is_spoken_to() {
    let (endpoint, other) = (endpoint().await, endpoint().await);
    for client in [Client::new(caller()), trusting(&other)] {
        let refused = ask(&client, &endpoint).await.expect_err("a stranger").to_string();
        assert!(refused.contains("invalid peer certificate"), "{refused}");
    }
}
