//! A WebSocket that only listens, and costs next to nothing: the generator shares two cores with the server that it
//! measures.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// RFC 6455, 5.2: the first byte of a frame that is a whole text message, a close, a ping, a pong.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// The sockets take turns with one buffer: what one leaves in it is the beginning of a frame.
pub(crate) struct Socket {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Socket {
    /// Opens one on this machine. The server knows of it by then.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.context("connect")?;
        // The key is the RFC's own; nobody here doubts that the server speaks WebSocket.
        let request = format!(
            "GET / HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.context("handshake")?;
        let mut head = Vec::new();
        let end = loop {
            ensure!(
                stream.read_buf(&mut head).await.context("handshake")? > 0,
                "the handshake is not answered"
            );
            if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
        };
        ensure!(head.starts_with(b"HTTP/1.1 101 "), "no WebSocket: {}", String::from_utf8_lossy(&head));
        Ok(Self { stream, rest: head.split_off(end) })
    }

    /// Reads what has come, once, and hands out the messages in it.
    pub(crate) fn poll_messages(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
        take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Poll<Result<()>> {
        let kept = self.rest.len();
        buffer[..kept].copy_from_slice(&self.rest);
        let mut space = ReadBuf::new(&mut buffer[kept..]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut space))?;
        let filled = kept + space.filled().len();
        if filled == kept {
            return Poll::Ready(Err(anyhow!(
                "a connection was closed, or a frame is longer than {}",
                buffer.len()
            )));
        }
        let used = messages(&buffer[..filled], take)?;
        self.rest.clear();
        self.rest.extend_from_slice(&buffer[used..filled]);
        Poll::Ready(Ok(()))
    }
}

/// Hands out the messages that are there as a whole; how many bytes they take.
fn messages(bytes: &[u8], mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
    let mut used = 0;
    while let Some((kind, payload, length)) = frame(&bytes[used..]) {
        match kind {
            TEXT => take(payload)?,
            PING | PONG => {}
            CLOSE => bail!("the server closed a WebSocket"),
            other => bail!("a frame that begins with {other:#x}"),
        }
        used += length;
    }
    Ok(used)
}

/// The first frame: its first byte, what it carries, its length. A server does not mask.
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (head, length) = match *bytes.get(1)? {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into()),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, short.into()),
    };
    let end = head + length;
    Some((bytes[0], bytes.get(head..end)?, end))
}
