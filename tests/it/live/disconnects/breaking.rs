//! A stream that breaks after some bytes, whatever they are: a part of a handshake, half a frame.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use eventlog_testing::Random;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pace::Pace;

/// A handshake has about so many bytes, both ways.
const HANDSHAKE: u64 = 400;
/// Some frames.
const FRAMES: u64 = 60_000;

/// Breaks when it is due and the pace allows it.
pub(super) struct Breaking {
    stream: TcpStream,
    pace: Arc<Pace>,
    random: Random,
    /// Bytes until it is due.
    left: usize,
    /// What was asked is answered in vain.
    deaf: bool,
}

impl Breaking {
    pub(super) fn new(stream: TcpStream, pace: Arc<Pace>, mut random: Random) -> Self {
        let most = random.pick(&[HANDSHAKE, FRAMES, FRAMES]);
        let (left, deaf) = (1 + random.below(most) as usize, random.below(8) == 0);
        Self { stream, pace, random, left, deaf }
    }

    /// Whether it breaks now, instead of going on.
    fn breaks(&mut self) -> bool {
        if self.left > 0 && !self.deaf {
            return false;
        }
        self.left = 1 + self.random.below(FRAMES) as usize;
        self.deaf = false;
        if !self.pace.cut() {
            return false;
        }
        // With a reset, or without.
        if self.random.below(2) == 0 {
            let _ = self.stream.set_zero_linger();
        }
        true
    }
}

fn broken<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.breaks() {
            return broken();
        }
        let mut bytes = [0; 4096];
        let most = bytes.len().min(self.left).min(to.remaining());
        let mut part = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        to.put_slice(part.filled());
        self.left -= part.filled().len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        if self.left == 0 && self.breaks() {
            return broken();
        }
        let most = from.len().min(self.left);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &from[..most]))?;
        self.left -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
