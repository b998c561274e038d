//! How long, deep and large an event may be.

use eventlog_chain::{Event, Fault, Payload};

/// `eventType` and `sourceAppId` have 1 to so many characters.
pub const MAX_TEXT_CHARS: usize = 256;
/// `dataPayload` is nested at most so deep; `{}` is 1.
pub const MAX_PAYLOAD_DEPTH: usize = 64;
/// The JSON of an event, all seven members, has at most so many bytes: with its frame it fits one message of
/// API Gateway's WebSocket API (128 KB).
pub const MAX_EVENT_BYTES: usize = 120 * 1024;
/// An array has 1 to so many events.
pub const MAX_EVENTS: usize = 500;

/// Whether an event that was logged elsewhere could have been logged here: by a client, or by the log itself, which alone
/// uses the types that are reserved.
pub fn check_limits(event: &Event) -> Result<(), Fault> {
    let within = |pointer: &str| {
        let pointer = pointer.to_owned();
        move |fault: Fault| Fault { pointer: pointer + &fault.pointer, ..fault }
    };
    text(&event.event_type).map_err(within("/eventType"))?;
    text(&event.source_app_id).map_err(within("/sourceAppId"))?;
    payload(&event.data_payload).map_err(within("/dataPayload"))?;
    // Whether an event is the first of its log is not known when a client's is measured.
    let first = if event.previous_hash.is_none() { 40 } else { 0 };
    size(event.json_len() + first)
}

pub(crate) fn text(text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return Err(fault("this must not be blank"));
    }
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(fault(format!("this must have at most {MAX_TEXT_CHARS} characters")));
    }
    Ok(())
}

pub(crate) fn payload(json: &str) -> Result<Payload, Fault> {
    if !json.starts_with('{') {
        return Err(fault("this must be a JSON object"));
    }
    Payload::parse(json, MAX_PAYLOAD_DEPTH)
}

pub(crate) fn size(bytes: usize) -> Result<(), Fault> {
    if bytes > MAX_EVENT_BYTES {
        return Err(fault(format!(
            "the event would have {bytes} bytes of JSON; {MAX_EVENT_BYTES} are allowed"
        )));
    }
    Ok(())
}

/// Of the value that is looked at.
pub(crate) fn fault(detail: impl Into<String>) -> Fault {
    Fault { pointer: String::new(), detail: detail.into() }
}
