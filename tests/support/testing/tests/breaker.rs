//! Tests of the breaker in front of an echo server that keeps its messages.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eventlog_testing::{Breaker, FaultCounts, Faults, Random, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The messages of each connection, in order, and a signal for each message.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<Vec<Vec<u8>>>>>, watch::Sender<()>);

impl Received {
    fn all(&self) -> Vec<Vec<Vec<u8>>> {
        self.0.lock().expect("no panic").clone()
    }
}

async fn echo(listener: TcpListener, received: Received) {
    for number in 0.. {
        let (mut client, _) = listener.accept().await.expect("a client");
        let received = received.clone();
        received.0.lock().expect("no panic").push(Vec::new());
        tokio::spawn(async move {
            while let Some(mut message) = read(&mut client).await {
                received.0.lock().expect("no panic")[number].push(message.clone());
                received.1.send_replace(());
                // Copies the request id into `responseTo`.
                message.copy_within(4..8, 8);
                let _ = client.write_all(&message).await;
            }
        });
    }
}

async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_i32_le().await.ok()?;
    let mut message = vec![0; length as usize];
    message[..4].copy_from_slice(&length.to_le_bytes());
    stream.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}

/// Returns an OP_MSG with the command `{NAME: 1}`.
fn command(id: i32, name: &str) -> Vec<u8> {
    let document = [&[0x10][..], name.as_bytes(), &[0], &1_i32.to_le_bytes(), &[0]].concat();
    let length = document.len() as i32 + 4;
    let header = [16 + 5 + length, id, 0, 2013].map(i32::to_le_bytes);
    [header.as_flattened(), &[0; 5], &length.to_le_bytes(), &document].concat()
}

/// Starts a server and a breaker; returns the breaker, the server's messages and a client.
async fn start(faults: Faults) -> (Breaker, Received, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = listener.local_addr().expect("its address").to_string();
    let received = Received::default();
    tokio::spawn(echo(listener, received.clone()));
    let breaker = Breaker::start(upstream, Random::new(1)).await.expect("a breaker");
    breaker.set_faults(faults);
    let client = TcpStream::connect(breaker.address()).await.expect("a connection");
    (breaker, received, client)
}

/// Sends a message. Returns true for a reply, false for a closed connection.
async fn gets_reply(stream: &mut TcpStream, message: &[u8]) -> bool {
    stream.write_all(message).await.expect("sent");
    within("a reply or the end", read(stream)).await.is_some()
}

#[tokio::test]
async fn breaker_forwards_all_messages_by_default() {
    let (breaker, received, mut client) = start(Faults::default()).await;
    for id in 1..=3 {
        assert!(gets_reply(&mut client, &command(id, "insert")).await);
    }
    assert_eq!(received.all(), [[command(1, "insert"), command(2, "insert"), command(3, "insert")]]);
    assert_eq!(breaker.fault_counts(), FaultCounts::default());
}

#[tokio::test]
async fn cut_before_keeps_the_command_from_the_server() {
    let (breaker, received, mut client) = start(Faults { cut_before: 1000, ..Faults::default() }).await;
    assert!(gets_reply(&mut client, &command(1, "hello")).await, "a command of the driver has no fault");
    assert!(!gets_reply(&mut client, &command(2, "find")).await);
    assert_eq!(received.all(), [[command(1, "hello")]]);
    assert_eq!(breaker.fault_counts(), FaultCounts { cut_before: 1, ..FaultCounts::default() });
}

#[tokio::test]
async fn cut_after_keeps_the_reply_from_the_client() {
    let (breaker, received, mut client) = start(Faults { cut_after: 1000, ..Faults::default() }).await;
    assert!(!gets_reply(&mut client, &command(1, "insert")).await);
    assert_eq!(received.all(), [[command(1, "insert")]]);
    assert_eq!(breaker.fault_counts(), FaultCounts { cut_after: 1, ..FaultCounts::default() });
}

#[tokio::test]
async fn hanging_connection_stays_open_without_a_reply() {
    let (breaker, received, mut client) = start(Faults { hang: 1000, ..Faults::default() }).await;
    client.write_all(&command(1, "insert")).await.expect("sent");
    within("an echo", received.1.subscribe().wait_for(|()| !received.all().concat().is_empty()))
        .await
        .expect("one");
    assert_eq!(breaker.fault_counts(), FaultCounts { hung: 1, ..FaultCounts::default() });
    let reply = tokio::time::timeout(Duration::from_millis(20), read(&mut client)).await;
    assert!(reply.is_err(), "{reply:?}");
}

#[tokio::test]
async fn write_is_repeated_after_later_commands_or_by_settle() {
    let (breaker, received, mut client) =
        start(Faults { repeat: 1000, max_repeat_delay: 1, ..Faults::default() }).await;
    assert!(gets_reply(&mut client, &command(1, "insert")).await);
    assert_eq!(received.all(), [[command(1, "insert")]]);
    assert!(gets_reply(&mut client, &command(2, "find")).await);
    within("the repeat", received.1.subscribe().wait_for(|()| received.all().len() > 1))
        .await
        .expect("an echo");
    assert!(gets_reply(&mut client, &command(3, "delete")).await);
    breaker.settle().await;
    let mut repeated = received.all().split_off(1);
    repeated.sort();
    assert_eq!(repeated, [[command(1, "insert")], [command(3, "delete")]]);
    assert_eq!(breaker.fault_counts(), FaultCounts { repeated: 2, ..FaultCounts::default() });
}

#[tokio::test]
async fn latency_delays_a_round_trip() {
    const LATENCY: Duration = Duration::from_millis(20);
    let (_breaker, _, mut client) = start(Faults { latency: LATENCY, ..Faults::default() }).await;
    let start = Instant::now();
    assert!(gets_reply(&mut client, &command(1, "find")).await);
    assert!(start.elapsed() >= LATENCY);
}

#[tokio::test]
async fn invalid_message_closes_the_connection() {
    let (_breaker, _, mut client) = start(Faults::default()).await;
    assert!(!gets_reply(&mut client, b"GET / HTTP/1.1\r\n\r\n").await);
}

#[tokio::test]
async fn wait_for_commands_does_not_count_commands_of_the_driver() {
    let (breaker, _, mut client) = start(Faults::default()).await;
    let three = breaker.wait_for_commands(3);
    tokio::pin!(three);
    for (id, name) in [(1, "find"), (2, "hello"), (3, "find"), (4, "hello")] {
        assert!(gets_reply(&mut client, &command(id, name)).await);
    }
    assert!(tokio::time::timeout(Duration::ZERO, &mut three).await.is_err());
    assert!(gets_reply(&mut client, &command(5, "find")).await);
    within("three commands", three).await;
}
