//! The part of MongoDB's wire protocol (MongoDB manual, "MongoDB Wire Protocol") that a breaker needs: the end of a
//! message, the request of a reply, the name of a command.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

const HEADER: usize = 16;
/// Maximum bytes of a message; servers accept 48 MB.
const MAX_MESSAGE: usize = 64 << 20;
const OP_MSG: i32 = 2013;
/// Offset of the command's name in an OP_MSG. It follows the header, the flags, the kind of the first section, the
/// length of its document, and the type of that document's first element.
const COMMAND_OFFSET: usize = HEADER + 4 + 1 + 4 + 1;

/// The bytes of a message, request or reply.
#[derive(Clone)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Reads a message; `None` at the end of the stream.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEADER];
        match stream.read_exact(&mut bytes).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let mut message = Self(bytes);
        let length = usize::try_from(message.int(0)).unwrap_or_default();
        if !(HEADER..MAX_MESSAGE).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "invalid message length"));
        }
        message.0.resize(length, 0);
        stream.read_exact(&mut message.0[HEADER..]).await?;
        Ok(Some(message))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the id of this request.
    pub(super) fn id(&self) -> i32 {
        self.int(4)
    }

    /// Returns the id of the request that this message replies to.
    pub(super) fn response_to(&self) -> i32 {
        self.int(8)
    }

    /// Returns the name of the command. `None` for commands that drivers send of their own accord.
    pub(super) fn command(&self) -> Option<&str> {
        let name =
            self.0.get(COMMAND_OFFSET..).filter(|_| self.int(12) == OP_MSG && self.0[HEADER + 4] == 0)?;
        let name = str::from_utf8(name.split(|byte| *byte == 0).next()?).ok()?;
        Some(name).filter(|name| !["hello", "ismaster", "isMaster", "endSessions"].contains(name))
    }

    fn int(&self, at: usize) -> i32 {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk());
        bytes.copied().map(i32::from_le_bytes).unwrap_or_default()
    }
}
