//! One connection through a breaker.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::wire::Message;
use super::{Fault, Shared, lock};

/// The request whose reply is to be lost.
type Lost = Mutex<Option<i32>>;

/// How a connection ends.
enum End {
    /// Closed by either side, or by a fault.
    Closed,
    /// Open, and nothing passes any more.
    Forgotten,
}

/// Forwards until the end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    mut client: TcpStream,
    mut forgotten: watch::Receiver<()>,
) -> io::Result<()> {
    let mut server = connect(&shared).await?;
    client.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let lost = Lost::default();
    let end = tokio::select! {
        end = requests(&shared, &lost, &mut from_client, &mut to_server) => end?,
        end = replies(&shared, &lost, &mut from_server, &mut to_client) => end?,
        _ = forgotten.changed() => End::Forgotten,
    };
    match end {
        End::Closed => Ok(()),
        End::Forgotten => std::future::pending().await,
    }
}

async fn connect(shared: &Shared) -> io::Result<TcpStream> {
    let upstream = lock(&shared.upstream).clone();
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

async fn requests(
    shared: &Arc<Shared>,
    lost: &Lost,
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
) -> io::Result<End> {
    while let Some(message) = Message::read(from).await? {
        let fault = message.command().and_then(|command| shared.note(command));
        // Whoever is killed in the meantime has sent it all the same.
        shared.one_way().await;
        match fault {
            Some(Fault::CutBefore) => {
                lock(&shared.counts).cut_before += 1;
                return Ok(End::Closed);
            }
            Some(Fault::Forget) => {
                lock(&shared.counts).forgotten += 1;
                to.write_all(message.bytes()).await?;
                return Ok(End::Forgotten);
            }
            Some(Fault::CutAfter) => *lock(lost) = Some(message.id()),
            Some(Fault::Repeat) => {
                let due = shared.repeat_after();
                shared.outstanding.send_modify(|count| *count += 1);
                tokio::spawn(repeat(shared.clone(), message.clone(), due));
            }
            None => {}
        }
        to.write_all(message.bytes()).await?;
    }
    Ok(End::Closed)
}

async fn replies(
    shared: &Shared,
    lost: &Lost,
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
) -> io::Result<End> {
    while let Some(message) = Message::read(from).await? {
        if *lock(lost) == Some(message.response_to()) {
            lock(&shared.counts).cut_after += 1;
            return Ok(End::Closed);
        }
        shared.one_way().await;
        to.write_all(message.bytes()).await?;
    }
    Ok(End::Closed)
}

/// What a network does that kept a packet for long: the same message arrives when everybody has gone on. The
/// server's answer is for nobody.
async fn repeat(shared: Arc<Shared>, message: Message, due: u64) {
    let (mut commands, mut releases) = (shared.commands.subscribe(), shared.release.subscribe());
    tokio::select! {
        _ = commands.wait_for(|seen| *seen >= due) => {}
        _ = releases.wait_for(|released| *released) => {}
    }
    let once_more = async {
        let mut server = connect(&shared).await?;
        server.write_all(message.bytes()).await?;
        Message::read(&mut server).await
    };
    // Where there is no server at this moment, it is lost for good.
    if let Ok(Some(_)) = once_more.await {
        lock(&shared.counts).repeated += 1;
    }
    shared.outstanding.send_modify(|count| *count -= 1);
}
