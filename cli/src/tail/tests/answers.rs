//! What the server may answer, and the token.

use super::*;

/// The end of one who is refused, and the reasons of pauses before.
async fn refused(stub: &Stub, token: Option<&'static str>) -> String {
    match Tail::of(stub, Options { token, ..Options::default() }).end().await {
        (_, End::Refused(reason)) => reason,
        (_, other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_told() {
    let stub = Stub::start().await;
    stub.append(1);
    let problem = r#"{"type":"about:blank","title":"No","status":403,"detail":"It lacks the scope."}"#;
    let by_gateway = r#"{"message":"Forbidden"}"#;
    for (body, says) in
        [(problem, ": It lacks the scope."), (by_gateway, ": Forbidden"), ("", ""), ("[]", "")]
    {
        stub.with(|state| state.refuse = Some((403, body)));
        assert_eq!(refused(&stub, None).await, format!("the WebSocket answered 403{says}"));
        stub.with(|state| state.refuse_http = Some((403, body)));
        assert_eq!(refused(&stub, None).await, format!("GET /chain answered 403{says}"));
        stub.with(|state| state.refuse_http = None);
    }
    stub.with(|state| state.refuse_http = Some((404, "{}")));
    assert!(refused(&stub, None).await.contains("--http"), "another server, it seems");
    stub.with(|state| state.refuse_http = Some((401, "{}")));
    assert!(refused(&stub, None).await.contains("EVENTLOG_TOKEN"));
    for body in ["garbage", "{\"headId\":\"x\"}", "[]"] {
        stub.with(|state| state.refuse_http = Some((200, body)));
        assert_eq!(refused(&stub, None).await, "GET /chain: this is no answer of an event log");
    }
    stub.with(|state| (state.refuse_http, state.refuse) = (None, Some((200, "hello"))));
    assert_eq!(refused(&stub, None).await, "the WebSocket answered 200");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let stub = Stub::start().await;
    stub.append(1);
    for status in [408, 429, 500, 503] {
        stub.with(|state| (state.refuse_http, state.refuse) = (Some((status, "{}")), Some((status, "{}"))));
        let mut tail = Tail::of(&stub, Options::default());
        let asked = |part: &'static str| {
            move |state: &stub::State| {
                state.requests.iter().filter(|(target, _)| target.contains(part)).count() > 3
            }
        };
        stub.until(asked("/chain")).await;
        stub.with(|state| state.refuse_http = None);
        stub.until(asked("batch")).await;
        stub.with(|state| state.refuse = None);
        stub.until(|state| state.open == 1).await;
        let events = stub.append(1);
        assert_eq!(tail.take(1).await, events);
        let reasons = tail.reasons();
        assert!(reasons.contains(&format!("GET /chain answered {status}")), "{reasons:?}");
        assert!(reasons.contains(&format!("the WebSocket answered {status}")), "{reasons:?}");
        drop(tail);
        stub.until(|state| state.open == 0).await;
        stub.with(|state| state.requests.clear());
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_waited_for() {
    let mut stub = Stub::start().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    stub.port = free.local_addr().expect("its address").port();
    drop(free);
    let mut tail = Tail::of(&stub, Options { timing: "backoffFrom=1,backoffTo=1", ..Options::default() });
    drop(within("pauses", tail.reasons.wait_for(|reasons| reasons.len() >= 3)).await.expect("pauses"));
    let said = format!("GET /chain had no answer: no connection to localhost:{}: ", stub.port);
    assert!(tail.reasons()[0].starts_with(&said), "{:?}", tail.reasons());
    assert!(tail.events.try_recv().is_err() && tail.following.try_join_next().is_none());
}

#[tokio::test]
async fn the_token_goes_with_each_request_and_is_never_told() {
    let stub = Stub::start().await;
    stub.append(1);
    let tail = Tail::of(&stub, Options { token: Some("evl_s3cret"), ..Options::default() });
    stub.until(|state| state.open == 1).await;
    let asked = stub.with(|state| std::mem::take(&mut state.requests));
    assert_eq!(asked.len(), 3);
    for (target, token) in asked {
        assert_eq!((token.as_deref(), target.contains("s3cret")), (Some("Bearer evl_s3cret"), false));
    }
    drop(tail);
    stub.until(|state| state.open == 0).await;
    // Not even by a server that repeats it.
    let echo = r#"{"detail":"Nobody knows evl_s3cret here."}"#;
    stub.with(|state| state.refuse = Some((401, echo)));
    assert_eq!(refused(&stub, Some("evl_s3cret")).await, "the WebSocket answered 401");
    stub.with(|state| (state.refuse, state.requests) = (None, Vec::new()));
    let _tail = Tail::of(&stub, Options::default());
    stub.until(|state| state.open == 1).await;
    assert!(stub.with(|state| state.requests.iter().all(|(_, token)| token.is_none())));
}
