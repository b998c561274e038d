//! Many who lag far behind, and one who does not.

use eventlog_chain::Event;
use eventlog_testing::{trial, within};
use libtest_mimic::Trial;
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use super::wish::{Wish, event, log_all};
use crate::client::Socket;
use crate::system::{Backend, Data, System};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    let name = backend.name("a_crowd_that_lags_keeps_no_event_from_one_that_is_live");
    vec![trial(&name, move || crowd(backend))]
}

const LOG: usize = 5000;

/// One that reads when it is told to, from a system that keeps little for it.
async fn lagger(system: &System, after: &Event) -> Socket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let stream = socket.connect(([127, 0, 0, 1], system.port).into()).await.expect("a connection");
    let url = format!("ws://localhost:{}{}", system.port, Wish::PLAIN.path(Some(after)));
    let (socket, _) = within("a handshake", client_async(url, stream)).await.expect("a handshake");
    Socket::from(socket)
}

async fn crowd(backend: Backend) {
    // More than may read at once; what stands in for MongoDB sorts the whole log for each page.
    let crowd = if backend == Backend::MongoDb { 60 } else { 200 };
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let first = client.log("first", "{}").await;
    // More for each of them than all buffers on the way can hold: who does not read on is behind.
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(300));
    log_all(&mut client, &vec![event("early", "App1", &payload); LOG]).await;
    let mut live = Socket::open(system.port).await;
    let mut laggers = Vec::new();
    for _ in 0..crowd {
        laggers.push(lagger(&system, &first).await);
    }
    let mut received = vec![Vec::new(); crowd];
    let mut client = system.client().await;
    let mut logged = Vec::new();
    for round in 0..20 {
        // Half of them read a little, the others nothing.
        for nth in (0..crowd).step_by(2) {
            if let Some(Ok(Message::Text(text))) = laggers[nth].next().await {
                received[nth].extend(Wish::PLAIN.events(&text));
            }
        }
        let new = client.log("live", &format!(r#"{{"round":{round}}}"#)).await;
        assert_eq!(live.event().await, new);
        logged.push(new);
    }
    let log = client.check_log().await;
    assert_eq!(log[log.len() - logged.len()..], logged);
    for (mut socket, mut received) in laggers.into_iter().zip(received).take(4) {
        while received.len() < log.len() - 1 {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => received.extend(Wish::PLAIN.events(&text)),
                // It was given up for not reading.
                _ => socket = lagger(&system, received.last().unwrap_or(&first)).await,
            }
        }
        assert!(received == log[1..], "not the log");
    }
}
