//! One connection through a breaker.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::faults::Fault;
use super::shared::{Shared, lock};
use super::wire::Message;

/// The id of the request whose reply is to be lost.
type LostReply = Mutex<Option<i32>>;

/// How a connection ends.
enum End {
    /// By either side, or by a fault.
    Closed,
    /// It stays open and transmits nothing.
    Hanging,
}

/// Forwards messages until either side or a fault ends the connection.
pub(super) async fn serve(
    shared: Arc<Shared>,
    mut client: TcpStream,
    mut hang: watch::Receiver<()>,
) -> io::Result<()> {
    let mut server = connect(&shared).await?;
    client.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let lost = LostReply::default();
    let end = tokio::select! {
        end = forward_requests(&shared, &lost, &mut from_client, &mut to_server) => end?,
        end = forward_replies(&shared, &lost, &mut from_server, &mut to_client) => end?,
        _ = hang.changed() => End::Hanging,
    };
    match end {
        End::Closed => Ok(()),
        End::Hanging => std::future::pending().await,
    }
}

async fn connect(shared: &Shared) -> io::Result<TcpStream> {
    let upstream = lock(&shared.upstream).clone();
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

async fn forward_requests(
    shared: &Arc<Shared>,
    lost: &LostReply,
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
) -> io::Result<End> {
    while let Some(message) = Message::read(from).await? {
        let fault = message.command().and_then(|command| shared.draw_fault(command));
        // The message is forwarded even if its client is killed meanwhile.
        shared.delay().await;
        match fault {
            Some(Fault::CutBefore) => {
                lock(&shared.counts).cut_before += 1;
                return Ok(End::Closed);
            }
            Some(Fault::Hang) => {
                lock(&shared.counts).hung += 1;
                to.write_all(message.bytes()).await?;
                return Ok(End::Hanging);
            }
            Some(Fault::CutAfter) => *lock(lost) = Some(message.id()),
            Some(Fault::Repeat) => {
                let due = shared.draw_repeat();
                shared.pending_repeats.send_modify(|count| *count += 1);
                tokio::spawn(repeat(shared.clone(), message.clone(), due));
            }
            None => {}
        }
        to.write_all(message.bytes()).await?;
    }
    Ok(End::Closed)
}

async fn forward_replies(
    shared: &Shared,
    lost: &LostReply,
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
) -> io::Result<End> {
    while let Some(message) = Message::read(from).await? {
        if *lock(lost) == Some(message.response_to()) {
            lock(&shared.counts).cut_after += 1;
            return Ok(End::Closed);
        }
        shared.delay().await;
        to.write_all(message.bytes()).await?;
    }
    Ok(End::Closed)
}

/// Sends a message again after later ones, like a network that has delayed a packet. The reply is discarded.
async fn repeat(shared: Arc<Shared>, message: Message, due: u64) {
    let (mut commands, mut release) = (shared.commands.subscribe(), shared.release.subscribe());
    tokio::select! {
        _ = commands.wait_for(|count| *count >= due) => {}
        _ = release.wait_for(|released| *released) => {}
    }
    let sent = async {
        let mut server = connect(&shared).await?;
        server.write_all(message.bytes()).await?;
        Message::read(&mut server).await
    };
    // Without a server at this moment the repeat is lost.
    if let Ok(Some(_)) = sent.await {
        lock(&shared.counts).repeated += 1;
    }
    shared.pending_repeats.send_modify(|count| *count -= 1);
}
