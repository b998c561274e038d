//! Reading an export: the exact JSON of one event a line, oldest first.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result};
use eventlog_chain::{Checked, Event, EventId, Malformed, Tip, Verifier};
use eventlog_ledger::MAX_EVENT_BYTES;
use memchr::memchr_iter;
use rayon::prelude::*;

/// What is read at a time: some thousand events, for all cores together.
const BLOCK: usize = 1 << 20;

/// An export, as far as it has been read and found good.
pub(crate) struct Export<R> {
    input: R,
    /// What was read; its first `filled` bytes are yet to be checked.
    buffer: Vec<u8>,
    filled: usize,
    position: u64,
    line: u64,
    verifier: Verifier,
    /// The last line was blank, which only the last one may be.
    ends_here: bool,
}

/// A stretch of an export.
pub(crate) struct Block<T> {
    /// What was made of its events, all of them good.
    pub(crate) events: Vec<T>,
    /// What stands behind them.
    pub(crate) fault: Option<Fault>,
}

/// The first line that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: u64,
    /// Of its event, where it has one.
    pub(crate) id: Option<EventId>,
    pub(crate) reason: String,
}

/// An input for [`Export`], and its length where that is known.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
    if path == "-" {
        return Ok((Box::new(io::stdin()), None));
    }
    let opened = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok::<_, io::Error>((file, metadata.is_file().then_some(metadata.len())))
    };
    let (file, len) = opened().with_context(|| format!("cannot read {}", path.display()))?;
    Ok((Box::new(file), len))
}

impl<R: Read> Export<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BLOCK],
            filled: 0,
            position: 0,
            line: 0,
            verifier: Verifier::from_start(),
            ends_here: false,
        }
    }

    /// Checks the next stretch, and makes something of each of its events, or says why not; `None` at the end. The
    /// hashes are checked on all cores, the links in order.
    pub(crate) fn next<T: Send>(
        &mut self,
        make: impl Fn(Event) -> Result<T, String> + Sync,
    ) -> io::Result<Option<Block<T>>> {
        let end = self.fill()?;
        if end == 0 {
            return Ok(None);
        }
        if self.position == 0
            && let Some(reason) = foreign_format(&self.buffer[..end])
        {
            let fault = Fault { line: 1, id: None, reason: reason.into() };
            return Ok(Some(Block { events: Vec::new(), fault: Some(fault) }));
        }
        let lines = split(&self.buffer[..end]);
        let check = |line: &&[u8]| read(line).map(|event| (event.id, Checked::of(&event), make(event)));
        let checked: Vec<_> = lines.par_iter().map(check).collect();
        let mut block = Block { events: Vec::with_capacity(checked.len()), fault: None };
        for (line, checked) in lines.iter().zip(checked) {
            if self.ends_here {
                block.fault = Some(Fault { line: self.line, id: None, reason: "the line is blank".into() });
                break;
            }
            self.line += 1;
            if *line == b"\n" {
                self.ends_here = true;
                continue;
            }
            let followed = checked.map_err(|reason| (None, reason)).and_then(|(id, checked, made)| {
                let followed = self.verifier.follow(&checked).map_err(|invalid| invalid.reason.to_string());
                followed.and(made).map_err(|reason| (Some(id), reason))
            });
            match followed {
                Ok(event) => block.events.push(event),
                Err((id, reason)) => {
                    block.fault = Some(Fault { line: self.line, id, reason });
                    break;
                }
            }
        }
        self.buffer.copy_within(end..self.filled, 0);
        self.filled -= end;
        self.position += end as u64;
        Ok(Some(block))
    }

    /// Fills the buffer, and answers where its last whole line ends. The last line of all is whole in any case, and
    /// one that the buffer cannot hold is too long anyway.
    fn fill(&mut self) -> io::Result<usize> {
        let mut is_at_end = false;
        while self.filled < self.buffer.len() && !is_at_end {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    is_at_end = count == 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let read = &self.buffer[..self.filled];
        let last = read.iter().rposition(|byte| *byte == b'\n').filter(|_| !is_at_end);
        Ok(last.map_or(self.filled, |last| last + 1))
    }

    /// Bytes that have been checked.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Returns the end of the events that were found good.
    pub(crate) fn tip(&self) -> Option<Tip> {
        self.verifier.tip()
    }
}

/// The lines, each with its end.
fn split(text: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut start) = (Vec::new(), 0);
    for end in memchr_iter(b'\n', text).map(|at| at + 1).chain([text.len()]) {
        lines.extend(Some(&text[start..end]).filter(|line| !line.is_empty()));
        start = end;
    }
    lines
}

/// Returns what a file is that begins like this, if it is not an export.
fn foreign_format(beginning: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 5] = [
        (
            b"\x1f\x8b",
            "the file is compressed with gzip; decompress it first: gunzip -c FILE | eventlog verify -",
        ),
        (b"\xef\xbb\xbf", "the file begins with a byte order mark, which an export does not have; remove it"),
        (b"\xff\xfe", "the file is in UTF-16; an export is in UTF-8"),
        (b"\xfe\xff", "the file is in UTF-16; an export is in UTF-8"),
        (
            b"[",
            "the file is a JSON array, as GET /events answers; an export has one event per line: jq -c '.[]'",
        ),
    ];
    FORMATS.iter().find(|(start, _)| beginning.starts_with(start)).map(|(_, reason)| *reason)
}

/// Reads one line, or says why it is none of an export.
fn read(line: &[u8]) -> Result<Event, String> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    if text.len() > MAX_EVENT_BYTES {
        return Err(format!("the line is longer than any event, which has at most {MAX_EVENT_BYTES} bytes"));
    }
    if text.ends_with(b"\r") {
        return Err("the line ends in CR LF; the lines of an export end in LF alone".into());
    }
    let text = std::str::from_utf8(text).map_err(|_| "the line is not UTF-8")?;
    Event::from_line(text).map_err(|error| match error {
        Malformed::Json(error) if error.is_eof() && text.len() == line.len() => {
            "the line is cut off: the file ends in the middle of it".into()
        }
        // Each line is a text of its own to the parser.
        error => error.to_string().replace(" at line 1 column ", " at column "),
    })
}

#[cfg(test)]
mod tests;
