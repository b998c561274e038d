//! A TCP connection on which anything can be said.

use eventlog_testing::within;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::client::Answer;

pub(crate) struct Raw(pub(crate) BufReader<TcpStream>);

impl Raw {
    pub(crate) async fn connect(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection")))
    }

    /// Says this, and hears what is answered.
    pub(crate) async fn ask(port: u16, request: impl AsRef<[u8]>) -> Option<Answer> {
        let mut raw = Self::connect(port).await;
        raw.say(request).await;
        raw.answer().await
    }

    /// The server may have stopped listening; what it answered can still be read.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("writing", self.0.get_mut().write_all(bytes.as_ref())).await;
    }

    /// Says all of this; the server must take it. To most clients a write that fails is the end.
    pub(crate) async fn say_all(&mut self, bytes: &[u8]) {
        within("writing", self.0.get_mut().write_all(bytes)).await.expect("it is taken");
    }

    /// So many blanks, in pieces.
    pub(crate) async fn say_blanks(&mut self, mut count: usize) {
        let blanks = vec![b' '; 1 << 20];
        while count > 0 {
            let piece = count.min(blanks.len());
            self.say_all(&blanks[..piece]).await;
            count -= piece;
        }
    }

    /// The next answer; `None` if the connection ended before it was whole.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let mut line = self.line().await?;
        let status = line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().expect("a status");
        let mut headers = HeaderMap::new();
        loop {
            line = self.line().await?;
            let Some((name, value)) = line.split_once(": ") else { break };
            let name: HeaderName = name.parse().expect("a name");
            headers.append(name, HeaderValue::from_str(value.trim_end()).expect("a value"));
        }
        assert_eq!(line, "\r\n");
        let length = headers.get("content-length").map_or(0, |length| {
            length.to_str().ok().and_then(|length| length.parse().ok()).expect("a length")
        });
        let mut body = vec![0; length];
        within("a body", self.0.read_exact(&mut body)).await.ok()?;
        Some(Answer { status, headers, body: String::from_utf8(body).expect("text") })
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        within("a line", self.0.read_line(&mut line)).await.ok().filter(|bytes| *bytes > 0)?;
        Some(line)
    }

    /// Says no more, and waits until the server is done too.
    pub(crate) async fn end(mut self) {
        let _ = self.0.get_mut().shutdown().await;
        let mut rest = Vec::new();
        let _ = within("the end", self.0.read_to_end(&mut rest)).await;
    }
}
