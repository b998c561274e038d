//! The breaker, in front of a server that repeats what it hears and remembers it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eventlog_testing::{Breaker, Broken, Faults, Random, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What each connection has heard, in the order in which they came.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Vec<Vec<u8>>>>>, watch::Sender<()>);

impl Heard {
    fn all(&self) -> Vec<Vec<Vec<u8>>> {
        self.0.lock().expect("no panic").clone()
    }
}

async fn echo(listener: TcpListener, heard: Heard) {
    for number in 0.. {
        let (mut client, _) = listener.accept().await.expect("a client");
        let heard = heard.clone();
        heard.0.lock().expect("no panic").push(Vec::new());
        tokio::spawn(async move {
            while let Some(mut message) = read(&mut client).await {
                heard.0.lock().expect("no panic")[number].push(message.clone());
                heard.1.send_replace(());
                // It responds to that id.
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

/// An OP_MSG with a command of one element, `{NAME: 1}`.
fn command(id: i32, name: &str) -> Vec<u8> {
    let document = [&[0x10][..], name.as_bytes(), &[0], &1_i32.to_le_bytes(), &[0]].concat();
    let length = document.len() as i32 + 4;
    let header = [16 + 5 + length, id, 0, 2013].map(i32::to_le_bytes);
    [header.as_flattened(), &[0; 5], &length.to_le_bytes(), &document].concat()
}

async fn start(faults: Faults) -> (Breaker, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let upstream = listener.local_addr().expect("its address").to_string();
    let heard = Heard::default();
    tokio::spawn(echo(listener, heard.clone()));
    let breaker = Breaker::start(upstream, Random::new(1)).await.expect("a breaker");
    breaker.set(faults);
    (breaker, heard)
}

/// Sends, and answers whether a reply came or the connection was closed.
async fn is_answered(stream: &mut TcpStream, message: &[u8]) -> bool {
    stream.write_all(message).await.expect("sent");
    within("a reply or the end", read(stream)).await.is_some()
}

async fn client(breaker: &Breaker) -> TcpStream {
    TcpStream::connect(breaker.address()).await.expect("a connection")
}

#[tokio::test]
async fn nothing_happens_of_itself() {
    let (breaker, heard) = start(Faults::default()).await;
    let mut client = client(&breaker).await;
    for id in 1..=3 {
        assert!(is_answered(&mut client, &command(id, "insert")).await);
    }
    assert_eq!(heard.all(), [[command(1, "insert"), command(2, "insert"), command(3, "insert")]]);
    assert_eq!(breaker.broken(), Broken::default());
}

#[tokio::test]
async fn a_cut_before_keeps_the_command_from_the_server() {
    let (breaker, heard) = start(Faults { cut_before: 1000, ..Faults::default() }).await;
    let mut client = client(&breaker).await;
    assert!(is_answered(&mut client, &command(1, "hello")).await, "it is the driver's own");
    assert!(!is_answered(&mut client, &command(2, "find")).await);
    assert_eq!(heard.all(), [[command(1, "hello")]]);
    assert_eq!(breaker.broken(), Broken { cut_before: 1, ..Broken::default() });
}

#[tokio::test]
async fn a_cut_after_keeps_the_reply_from_the_client() {
    let (breaker, heard) = start(Faults { cut_after: 1000, ..Faults::default() }).await;
    let mut client = client(&breaker).await;
    assert!(!is_answered(&mut client, &command(1, "insert")).await);
    assert_eq!(heard.all(), [[command(1, "insert")]]);
    assert_eq!(breaker.broken(), Broken { cut_after: 1, ..Broken::default() });
}

#[tokio::test]
async fn a_forgotten_connection_stays_open_and_says_nothing() {
    let (breaker, heard) = start(Faults { forget: 1000, ..Faults::default() }).await;
    let mut client = client(&breaker).await;
    client.write_all(&command(1, "insert")).await.expect("sent");
    within("an echo", heard.1.subscribe().wait_for(|()| !heard.all().concat().is_empty()))
        .await
        .expect("one");
    assert_eq!(breaker.broken(), Broken { forgotten: 1, ..Broken::default() });
    let reply = tokio::time::timeout(Duration::from_millis(20), read(&mut client)).await;
    assert!(reply.is_err(), "{reply:?}");
}

#[tokio::test]
async fn a_write_is_repeated_when_others_have_gone_on_or_at_the_end() {
    let (breaker, heard) = start(Faults { repeat: 1000, late: 1, ..Faults::default() }).await;
    let mut client = client(&breaker).await;
    assert!(is_answered(&mut client, &command(1, "insert")).await);
    assert_eq!(heard.all(), [[command(1, "insert")]]);
    assert!(is_answered(&mut client, &command(2, "find")).await);
    within("the repeat", heard.1.subscribe().wait_for(|()| heard.all().len() > 1)).await.expect("an echo");
    assert!(is_answered(&mut client, &command(3, "delete")).await);
    breaker.settle().await;
    let mut repeated = heard.all().split_off(1);
    repeated.sort();
    assert_eq!(repeated, [[command(1, "insert")], [command(3, "delete")]]);
    assert_eq!(breaker.broken(), Broken { repeated: 2, ..Broken::default() });
}

#[tokio::test]
async fn latency_is_added_to_each_way() {
    const LATENCY: Duration = Duration::from_millis(20);
    let (breaker, _heard) = start(Faults { latency: LATENCY, ..Faults::default() }).await;
    let mut client = client(&breaker).await;
    let since = Instant::now();
    assert!(is_answered(&mut client, &command(1, "find")).await);
    assert!(since.elapsed() >= LATENCY);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    let (breaker, _heard) = start(Faults::default()).await;
    assert!(!is_answered(&mut client(&breaker).await, b"GET / HTTP/1.1\r\n\r\n").await);
}

#[tokio::test]
async fn a_clock_counts_commands() {
    let (breaker, _heard) = start(Faults::default()).await;
    let mut client = client(&breaker).await;
    let three = breaker.commands(3);
    tokio::pin!(three);
    for (id, name) in [(1, "find"), (2, "hello"), (3, "find"), (4, "hello")] {
        assert!(is_answered(&mut client, &command(id, name)).await);
    }
    assert!(tokio::time::timeout(Duration::ZERO, &mut three).await.is_err());
    assert!(is_answered(&mut client, &command(5, "find")).await);
    within("three commands", three).await;
}
