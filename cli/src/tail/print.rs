//! Events on standard output.

use std::io::{self, BufWriter, Write};

use eventlog_chain::Event;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::{self, error::TryRecvError};

use crate::printable::printable;

/// How an event stands on its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its exact JSON, as an export has it.
    Json,
    /// What a person wants to see of it.
    Short,
}

/// So many characters of a payload are shown.
const SHOWN: usize = 100;

/// Writes events as they come, until there are no more, `limit` are written, or the reader has gone. A thread of its
/// own: a pipe may be full.
pub(super) fn print(
    mut events: mpsc::Receiver<Event>,
    form: Form,
    limit: Option<u64>,
    out: impl Write,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut written = 0;
    let printed = loop {
        if limit.is_some_and(|limit| written >= limit) {
            break out.flush();
        }
        let event = match events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Disconnected) => break out.flush(),
            // Nobody should wait for what is known.
            Err(TryRecvError::Empty) => match out.flush() {
                Ok(()) => match events.blocking_recv() {
                    Some(event) => event,
                    None => break Ok(()),
                },
                failed => break failed,
            },
        };
        let line = match form {
            Form::Json => event.to_json(),
            Form::Short => short(&event),
        };
        if let Err(error) = writeln!(out, "{line}") {
            break Err(error);
        }
        written += 1;
    };
    match printed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Ends when nobody reads standard output any more, which a write would tell only after the next event. Blocks.
pub(super) fn wait_for_the_reader_to_go() {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::empty())];
    while let Err(rustix::io::Errno::INTR) = poll(&mut polled, None) {}
}

/// One line for a person.
fn short(event: &Event) -> String {
    let Event { timestamp, event_type, source_app_id, data_payload, .. } = event;
    let shown: String = match data_payload.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &data_payload[..end]),
        None => data_payload.clone(),
    };
    printable(&format!("{timestamp}  {event_type}  {source_app_id}  {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: &str, payload: &str) -> Event {
        let draft = eventlog_chain::Draft {
            id: eventlog_chain::EventId([7; 12]),
            event_type: event_type.into(),
            source_app_id: "App1".into(),
            data_payload: eventlog_chain::Payload::parse(payload, 64).expect("a payload"),
        };
        draft.link(None, eventlog_chain::Timestamp::from_millis(1_732_264_325_391).expect("a time"))
    }

    #[test]
    fn a_line_for_a_person_is_short_and_one_line() {
        let line = short(&event("Login", r#"{"userId":"12345"}"#));
        assert_eq!(line, r#"2024-11-22T08:32:05.391Z  Login  App1  {"userId":"12345"}"#);
        let line = short(&event("a\nb\u{1b}[2J\u{9b}\u{202e}é", r#"{"a":"\u007f"}"#));
        assert_eq!(
            line,
            r#"2024-11-22T08:32:05.391Z  a\u{a}b\u{1b}[2J\u{9b}\u{202e}é  App1  {"a":"\u007f"}"#
        );
        let long = format!(r#"{{"é":"{}"}}"#, "é".repeat(200));
        assert!(short(&event("Long", &long)).ends_with(&format!(r#"  {{"é":"{}…"#, "é".repeat(94))));
    }

    /// Takes so many bytes.
    struct Reader(usize);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.min(bytes.len()) {
                0 => Err(io::ErrorKind::BrokenPipe.into()),
                taken => {
                    self.0 -= taken;
                    Ok(taken)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn print_three(limit: Option<u64>, out: impl Write) -> io::Result<()> {
        let (sender, events) = mpsc::channel(3);
        for _ in 0..3 {
            sender.try_send(event("E", "{}")).expect("room");
        }
        drop(sender);
        print(events, Form::Json, limit, out)
    }

    #[test]
    fn it_ends_with_the_events_at_the_limit_and_with_its_reader() {
        let line = event("E", "{}").to_json() + "\n";
        for (limit, lines) in [(None, 3), (Some(1), 1), (Some(2), 2), (Some(4), 3)] {
            let mut out = Vec::new();
            print_three(limit, &mut out).expect("printed");
            assert_eq!(String::from_utf8_lossy(&out), line.repeat(lines));
        }
        print_three(None, Reader(line.len())).expect("that the reader goes is no error");
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        assert_eq!(print_three(None, full).expect_err("full").kind(), io::ErrorKind::StorageFull);
    }
}
