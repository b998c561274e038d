//! Connections: requests in, replies out.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::bson::RawDocumentBuf;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::commands::command::Command;
use crate::commands::{self, hello};
use crate::server::Server;
use crate::wire::Request;

/// Pause after a failed accept, for example with too many open files.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(10);

pub(crate) async fn accept(server: Arc<Server>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
            continue;
        };
        let server = server.clone();
        let disconnects = server.disconnects.subscribe();
        let mut disconnected = disconnects.clone();
        tokio::spawn(async move {
            tokio::select! {
                // An error only ends the connection, which the client sees.
                _ = serve(&server, stream, disconnects) => {}
                _ = disconnected.changed() => {}
            }
        });
    }
}

async fn serve(server: &Server, mut stream: TcpStream, disconnects: watch::Receiver<()>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    while let Some(mut request) = Request::read(&mut reader).await? {
        let one_way = server.settings.round_trip / 2;
        let begin = Instant::now() + one_way;
        server.clock.sleep_until(begin).await;
        if disconnects.has_changed().unwrap_or(true) {
            return Ok(());
        }
        let delay = begin.elapsed();
        let sequences = std::mem::take(&mut request.sequences);
        let command = Command::new(std::mem::take(&mut request.body), sequences);
        let subscription = hello::RoleSubscription::parse(&command);
        let reply = run(server, command).await?;
        // Makes up for a late begin.
        server.clock.sleep(one_way.saturating_sub(delay)).await;
        let Some(mut subscription) = subscription.filter(|_| request.exhaust_allowed) else {
            request.reply(&mut writer, &reply, false).await?;
            continue;
        };
        request.reply(&mut writer, &reply, true).await?;
        // A stream of replies to one request, until the client closes the connection.
        loop {
            subscription.set_known(&server.role.borrow());
            tokio::select! {
                () = subscription.wait_for_change(server) => {}
                () = wait_for_end(&mut reader) => return Ok(()),
            }
            let reply = RawDocumentBuf::try_from(&hello::reply(server)).map_err(io::Error::other)?;
            request.reply(&mut writer, &reply, true).await?;
        }
    }
    Ok(())
}

/// Counts and runs a command. Returns its reply, or its error as a reply.
async fn run(server: &Server, command: Command) -> io::Result<RawDocumentBuf> {
    *server.counts().entry(command.name().to_owned()).or_default() += 1;
    let is_retryable = command.is_retryable_write();
    let uses_change_stream = commands::uses_change_stream(server, &command);
    let failure = match commands::run(server, command).await {
        Ok(reply) => return Ok(reply),
        Err(failure) => failure,
    };
    let labels = failure.labels(is_retryable, uses_change_stream);
    let reply = failure.reply(labels, server.role.borrow().topology_version());
    RawDocumentBuf::try_from(&reply).map_err(io::Error::other)
}

/// Waits for the end of a stream on which no more data is expected.
async fn wait_for_end(reader: &mut (impl AsyncBufRead + Unpin)) {
    if let Ok([_, ..]) = reader.fill_buf().await {
        std::future::pending().await
    }
}
