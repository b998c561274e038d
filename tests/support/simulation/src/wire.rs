//! MongoDB's wire protocol ("MongoDB Wire Protocol" in its manual): OP_MSG, and the OP_QUERY with which older
//! drivers say hello.

use std::io;

use mongodb::bson::{Document, RawDocument, RawDocumentBuf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

const HEADER: usize = 16;
/// More than [`MAX_MESSAGE`](crate::commands::MAX_MESSAGE), which counts without some overhead.
const LONGEST: usize = 64 << 20;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;
const EXHAUST_ALLOWED: u32 = 1 << 16;
/// The flags in the lower half must be understood.
const REQUIRED: u32 = 0xffff;

/// One request.
pub(crate) struct Request {
    id: i32,
    is_query: bool,
    /// Whether several replies may be sent to this one request.
    pub(crate) exhaust_allowed: bool,
    /// The command.
    pub(crate) body: Document,
    /// The arrays that were sent beside the command, each under its name.
    pub(crate) sequences: Vec<(String, Vec<RawDocumentBuf>)>,
}

fn invalid(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

impl Request {
    /// Reads one; nothing at the end of the stream.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        match stream.read_exact(&mut header).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let mut fields = Reader(&header);
        let length = usize::try_from(fields.int()?).map_err(invalid)?;
        let (id, _response_to, code) = (fields.int()?, fields.int()?, fields.int()?);
        if !(HEADER..LONGEST).contains(&length) {
            return Err(invalid("the length of a message"));
        }
        let mut content = vec![0; length - HEADER];
        stream.read_exact(&mut content).await?;
        match code {
            OP_MSG => Self::parse_message(id, &content).map(Some),
            OP_QUERY => Self::parse_query(id, &content).map(Some),
            other => Err(invalid(format!("the opcode {other}"))),
        }
    }

    fn parse_message(id: i32, content: &[u8]) -> io::Result<Self> {
        let mut reader = Reader(content);
        let flags = reader.int()?.cast_unsigned();
        if flags & REQUIRED & !CHECKSUM_PRESENT != 0 {
            return Err(invalid(format!("the flags {flags:#x}")));
        }
        if flags & CHECKSUM_PRESENT != 0 {
            reader.0 = reader.0.split_last_chunk::<4>().ok_or_else(|| invalid("no checksum"))?.0;
        }
        let mut body = None;
        let mut sequences = Vec::new();
        while !reader.0.is_empty() {
            match reader.take(1)?[0] {
                0 => body = Some(reader.document()?),
                1 => sequences.push(reader.sequence()?),
                kind => return Err(invalid(format!("a section of kind {kind}"))),
            }
        }
        let body = body.ok_or_else(|| invalid("no command"))?;
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

    /// Writes the reply, in the form of the request.
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
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| invalid("a message that ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> io::Result<i32> {
        self.take(4)?.try_into().map(i32::from_le_bytes).map_err(invalid)
    }

    fn name(&mut self) -> io::Result<&'a str> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or_else(|| invalid("a name without end"))?;
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
