//! MongoDB's wire protocol (MongoDB manual, "MongoDB Wire Protocol"): OP_MSG, and the OP_QUERY of a legacy `hello`.

use std::io;

use mongodb::bson::{Document, RawDocument, RawDocumentBuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

const HEADER: usize = 16;
/// Maximum bytes of a message, as `hello` announces it.
pub(crate) const MAX_MESSAGE: i32 = 48_000_000;
/// Maximum bytes of a message with its overhead, which [`MAX_MESSAGE`] does not count.
const MAX_MESSAGE_WITH_OVERHEAD: usize = 64 << 20;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;
const EXHAUST_ALLOWED: u32 = 1 << 16;
/// The flags that a receiver must know.
const REQUIRED: u32 = 0xffff;

/// A request.
pub(crate) struct Request {
    id: i32,
    is_query: bool,
    /// Whether the client accepts several replies to this request.
    pub(crate) exhaust_allowed: bool,
    /// The command.
    pub(crate) body: Document,
    /// Document sequences: arrays outside of the body, each with its name.
    pub(crate) sequences: Vec<(String, Vec<RawDocumentBuf>)>,
}

fn invalid(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_string())
}

impl Request {
    /// Reads a request; `None` at the end of the stream.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        match stream.read_exact(&mut header).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let mut fields = Reader(&header);
        let length = usize::try_from(fields.int()?).map_err(invalid)?;
        let (id, _response_to, code) = (fields.int()?, fields.int()?, fields.int()?);
        if !(HEADER..MAX_MESSAGE_WITH_OVERHEAD).contains(&length) {
            return Err(invalid("invalid message length"));
        }
        let mut content = vec![0; length - HEADER];
        stream.read_exact(&mut content).await?;
        match code {
            OP_MSG => Self::parse_message(id, &content).map(Some),
            OP_QUERY => Self::parse_query(id, &content).map(Some),
            other => Err(invalid(format!("unsupported opcode {other}"))),
        }
    }

    fn parse_message(id: i32, content: &[u8]) -> io::Result<Self> {
        let mut reader = Reader(content);
        let flags = reader.int()?.cast_unsigned();
        if flags & REQUIRED & !CHECKSUM_PRESENT != 0 {
            return Err(invalid(format!("unsupported flags {flags:#x}")));
        }
        if flags & CHECKSUM_PRESENT != 0 {
            reader.0 = reader.0.split_last_chunk::<4>().ok_or_else(|| invalid("missing checksum"))?.0;
        }
        let mut body = None;
        let mut sequences = Vec::new();
        while !reader.0.is_empty() {
            match reader.take(1)?[0] {
                0 => body = Some(reader.document()?),
                1 => sequences.push(reader.sequence()?),
                kind => return Err(invalid(format!("unsupported section kind {kind}"))),
            }
        }
        let body = body.ok_or_else(|| invalid("missing command"))?;
        let body = body.try_into().map_err(invalid)?;
        let exhaust_allowed = flags & EXHAUST_ALLOWED != 0;
        Ok(Self { id, is_query: false, exhaust_allowed, body, sequences })
    }

    fn parse_query(id: i32, content: &[u8]) -> io::Result<Self> {
        let mut reader = Reader(content);
        reader.int()?;
        let database =
            reader.name()?.strip_suffix(".$cmd").ok_or_else(|| invalid("not a command"))?.to_owned();
        reader.take(8)?;
        let mut body: Document = reader.document()?.try_into().map_err(invalid)?;
        body.insert("$db", database);
        Ok(Self { id, is_query: true, exhaust_allowed: false, body, sequences: Vec::new() })
    }

    /// Writes a reply in the format of the request.
    pub(crate) async fn reply(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        body: &RawDocument,
        more_to_come: bool,
    ) -> io::Result<()> {
        let body = body.as_bytes();
        let prefix: Vec<u8> = if self.is_query {
            // Flags (8: await capable), cursor id (8 bytes), starting from, number returned.
            [8, 0, 0, 0, 1].iter().flat_map(|field: &i32| field.to_le_bytes()).collect()
        } else {
            let flags = if more_to_come { MORE_TO_COME } else { 0 };
            [&flags.to_le_bytes()[..], &[0]].concat()
        };
        let length = i32::try_from(HEADER + prefix.len() + body.len()).map_err(invalid)?;
        let code = if self.is_query { OP_REPLY } else { OP_MSG };
        let header = [length, 0, self.id, code].map(i32::to_le_bytes);
        stream.write_all(&[header.as_flattened(), &prefix, body].concat()).await
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| invalid("truncated message"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> io::Result<i32> {
        self.take(4)?.try_into().map(i32::from_le_bytes).map_err(invalid)
    }

    fn name(&mut self) -> io::Result<&'a str> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or_else(|| invalid("unterminated name"))?;
        let name = str::from_utf8(self.take(end)?).map_err(invalid)?;
        self.take(1)?;
        Ok(name)
    }

    fn document(&mut self) -> io::Result<RawDocumentBuf> {
        let length = usize::try_from(Reader(self.0).int()?).map_err(invalid)?;
        RawDocumentBuf::from_bytes(self.take(length)?.to_vec()).map_err(invalid)
    }

    fn sequence(&mut self) -> io::Result<(String, Vec<RawDocumentBuf>)> {
        let length = usize::try_from(Reader(self.0).int()?).map_err(invalid)?;
        let mut section = Reader(self.take(length)?);
        section.int()?;
        let name = section.name()?.to_owned();
        let mut documents = Vec::new();
        while !section.0.is_empty() {
            documents.push(section.document()?);
        }
        Ok((name, documents))
    }
}
