//! Thousands who come and go as fast as they can, however they go.

use std::time::Duration;

use eventlog_testing::{Random, trial, within};
use futures_util::future::join_all;
use libtest_mimic::Trial;
use mongodb::bson::{Document, doc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Socket;
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    let name = backend.name("thousands_come_and_go_and_leave_nothing_behind");
    vec![trial(&name, move || flood(backend))]
}

const AT_ONCE: u64 = 8;
const EACH: usize = 250;
/// So many connections a server may have to its database.
const TO_A_DATABASE: usize = 16;

const HANDSHAKE: &str = "GET /?eventType=x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A close frame.
const FAREWELL: &[u8] = b"\x88\x82\0\0\0\0\x03\xe8";

/// Comes, and goes in the middle of the handshake, before the answer, at once, or in the middle of a frame or behind
/// one; with a reset or without.
async fn come_and_go(port: u16, random: &mut Random) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    // Who goes on before being let in is not asked to wait, either.
    let whole = [HANDSHAKE.as_bytes(), FAREWELL].concat();
    let said = match random.below(4) {
        0 => random.below(HANDSHAKE.len() as u64) as usize,
        1 => HANDSHAKE.len() + random.below(FAREWELL.len() as u64 + 1) as usize,
        _ => HANDSHAKE.len(),
    };
    stream.write_all(&whole[..said]).await.expect("it is taken");
    if said >= HANDSHAKE.len() && random.below(2) == 0 {
        let mut answer = [0; 12];
        within("an answer", stream.read_exact(&mut answer)).await.expect("an answer");
        assert_eq!(answer.escape_ascii().to_string(), "HTTP/1.1 101");
    }
    if random.below(2) == 0 {
        stream.set_zero_linger().expect("a reset");
    }
}

async fn flood(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let port = system.port;
    let mut bystander = Socket::open(port).await;
    let mut client = system.client().await;
    let logged = client.log("before", "{}").await;
    assert_eq!(bystander.event().await, logged);
    let (connections, memory) = (system.connections(), system.resident());
    let mut random = Random::new(1);
    let visitors = join_all((0..AT_ONCE).map(|_| {
        let mut random = random.another();
        async move {
            for _ in 0..EACH {
                come_and_go(port, &mut random).await;
            }
        }
    }));
    let mut visitors = std::pin::pin!(visitors);
    let mut events = 0;
    loop {
        let live = async {
            let logged = client.log("live", "{}").await;
            assert_eq!(bystander.event().await, logged);
        };
        tokio::select! {
            _ = visitors.as_mut() => break,
            () = live => events += 1,
        }
    }
    assert!(events > 0, "others go on meanwhile");
    let forgotten = async {
        while system.connections() > connections + TO_A_DATABASE || stored(&data).await > 1 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within("all to be forgotten", forgotten).await;
    let now = system.resident();
    assert!(now < memory + (64 << 20), "{memory} {now}");
}

/// How many connections MongoDB has, if it is there.
async fn stored(data: &Data) -> u64 {
    let Some(uri) = data.mongodb_uri() else { return 0 };
    let client = mongodb::Client::with_uri_str(uri).await.expect("a client");
    let database = client.default_database().expect("a database");
    database.collection::<Document>("connections").count_documents(doc! {}).await.expect("a count")
}
