//! Live delivery.

mod batch;
mod crowd;
pub(crate) mod disconnects;
mod flood;
mod replay;
mod wish;

use eventlog_testing::trial;
use libtest_mimic::Trial;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::{Client, Socket};
use crate::system::{Backend, Data};

pub(crate) fn trials(backend: Backend) -> Vec<Trial> {
    let mut trials = vec![
        trial(&backend.name("sockets_see_every_event_in_chain_order"), move || in_chain_order(backend)),
        trial(&backend.name("a_client_that_never_reads_delays_nobody"), move || {
            a_client_that_never_reads(backend)
        }),
        trial(&backend.name("what_another_process_logs_arrives_too"), move || another_process(backend)),
        trial(&backend.name("messages_are_answered"), move || messages_are_answered(backend)),
        trial(&backend.name("a_socket_can_come_and_go"), move || come_and_go(backend)),
    ];
    for more in [replay::trials, batch::trials, crowd::trials, flood::trials, disconnects::trials] {
        trials.extend(more(backend));
    }
    trials
}

/// 8 posters; sockets that were there from the start, and some that come in between.
async fn in_chain_order(backend: Backend) {
    const EACH: usize = 50;
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let port = system.port;
    let mut early = Vec::new();
    for _ in 0..5 {
        early.push(Socket::open(port).await);
    }
    let mut posters = Vec::new();
    for _ in 0..8 {
        let mut client = system.client().await;
        posters.push(tokio::spawn(async move {
            for n in 0..EACH {
                client.log("live", &format!(r#"{{"n":{n}}}"#)).await;
            }
        }));
    }
    let late = tokio::spawn(async move {
        let mut socket = Socket::open(port).await;
        let first = socket.event().await;
        (socket, first)
    });
    for poster in posters {
        poster.await.expect("a poster");
    }
    let last = system.client().await.log("last", "{}").await;
    let log = system.client().await.check_log().await;
    assert_eq!(log.len(), 8 * EACH + 1);
    for mut socket in early {
        for event in &log {
            assert_eq!(socket.event().await, *event);
        }
    }
    let (mut socket, mut event) = late.await.expect("a late socket");
    let from = log.iter().position(|logged| *logged == event).expect("an event of the log");
    for logged in &log[from..] {
        assert_eq!(event, *logged);
        if event != last {
            event = socket.event().await;
        }
    }
}

async fn a_client_that_never_reads(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let _never_reads = Socket::open(system.port).await;
    let mut reads = Socket::open(system.port).await;
    let mut client = system.client().await;
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000));
    // More than all buffers on the way to the one that never reads can hold.
    for _ in 0..200 {
        let logged = client.log("large", &payload).await;
        assert_eq!(reads.event().await, logged);
    }
}

async fn another_process(backend: Backend) {
    let data = Data::fresh(backend);
    let (here, there) = (data.serve().await, data.serve().await);
    let mut socket = Socket::open(here.port).await;
    for n in 0..3 {
        let logged = there.client().await.log("there", &format!(r#"{{"n":{n}}}"#)).await;
        assert_eq!(socket.event().await, logged);
        let logged = here.client().await.log("here", &format!(r#"{{"n":{n}}}"#)).await;
        assert_eq!(socket.event().await, logged);
    }
    assert_eq!(here.client().await.check_log().await.len(), 6);
}

async fn messages_are_answered(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut socket = Socket::try_open(system.port, "/any/path", &[]).await.expect("any path will do");
    for _ in 0..2 {
        socket.send(Message::text(r#"{"action":"ping"}"#)).await.expect("sent");
        assert_eq!(socket.text().await, r#"{"action":"pong"}"#);
        for garbage in
            [Message::text("garbage"), Message::text("{}"), Message::binary(vec![0, 255]), Message::text("")]
        {
            socket.send(garbage).await.expect("sent");
            assert!(socket.text().await.starts_with(r#"{"action":"error","message":"#));
        }
    }
    let logged = system.client().await.log("after all that", "{}").await;
    assert_eq!(socket.event().await, logged);

    socket.send(Message::text("x".repeat(200_000))).await.expect("sent");
    assert_eq!(socket.close_code().await, Some(1009), "too big");
    let refused = Socket::try_open(system.port, "/?nonsense=1", &[]).await.err();
    assert!(matches!(refused, Some(Error::Http(answer)) if answer.status() == 400));
    let foreign = Socket::try_open(system.port, "/", &[("origin", "https://example.com")]).await.err();
    assert!(matches!(foreign, Some(Error::Http(answer)) if answer.status() == 403));
    let offer = [("sec-websocket-protocol", "eventlog.v1, token")];
    Socket::try_open(system.port, "/", &offer).await.expect("the subprotocol is known");
}

async fn come_and_go(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = Client::connect(system.port).await;
    for _ in 0..20 {
        let mut socket = Socket::open(system.port).await;
        let logged = client.log("come", "{}").await;
        assert_eq!(socket.event().await, logged);
        drop(socket);
        client.log("gone", "{}").await;
    }
    let mut socket = Socket::open(system.port).await;
    assert_eq!(system.signal("INT").await.0, Some(0));
    assert_eq!(socket.close_code().await, Some(1001), "going away");
}
