//! MongoDB's wire protocol ("MongoDB Wire Protocol" in its manual), just as far as a breaker must understand it:
//! where a message ends, what it answers, which command it is.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 16;
/// More than the 48 MB that a server takes.
const LONGEST: usize = 64 << 20;
const OP_MSG: i32 = 2013;
/// In an OP_MSG, after the header: flags, the kind of the first section, the length of its document, the type of
/// its first element. Then comes that element's name, which is the command's.
const COMMAND: usize = HEADER + 4 + 1 + 4 + 1;

/// One message, request or reply, as it stands on the wire.
#[derive(Clone)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Reads one; nothing at the end of the stream.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEADER];
        match stream.read_exact(&mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let mut message = Self(bytes);
        let length = usize::try_from(message.int(0)).unwrap_or_default();
        if !(HEADER..LONGEST).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not MongoDB's protocol"));
        }
        message.0.resize(length, 0);
        stream.read_exact(&mut message.0[HEADER..]).await?;
        Ok(Some(message))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number by which a reply refers to this request.
    pub(super) fn id(&self) -> i32 {
        self.int(4)
    }

    /// The request that this is a reply to.
    pub(super) fn response_to(&self) -> i32 {
        self.int(8)
    }

    /// The name of the command that this is, if it is one that somebody wants done: not what drivers do of
    /// themselves to keep their connections.
    pub(super) fn command(&self) -> Option<&str> {
        let name = self.0.get(COMMAND..).filter(|_| self.int(12) == OP_MSG && self.0[HEADER + 4] == 0)?;
        let name = str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()?;
        Some(name).filter(|name| !["hello", "ismaster", "isMaster", "endSessions"].contains(name))
    }

    fn int(&self, at: usize) -> i32 {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().map(i32::from_le_bytes).unwrap_or_default()
    }
}
