//! What a client may log.

use std::borrow::Cow;
use std::fmt;

use eventlog_chain::{Draft, EventId, Fault, Payload, parse_json, pointer_step};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::limits::{self, MAX_EVENTS};

/// So many faults are told at most, beside members that are missing.
const MAX_FAULTS: usize = 100;
/// Event types that only the log itself may use.
const RESERVED_PREFIX: &str = "eventlog.";

/// What a client sent: one event, or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewEvents {
    /// An object.
    One(NewEvent),
    /// An array of 1 to [`MAX_EVENTS`].
    Many(Vec<NewEvent>),
}

impl NewEvents {
    /// The events, however they came.
    pub fn into_vec(self) -> Vec<NewEvent> {
        match self {
            Self::One(event) => vec![event],
            Self::Many(events) => events,
        }
    }

    /// Reads one event, or an array of them, all of which must be good.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        if !text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('[') {
            return NewEvent::parse(text).map(Self::One);
        }
        let elements: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(elements) => elements,
            Err(_) => return Err(Rejected::Invalid(vec![not_an_object(text)])),
        };
        if !(1..=MAX_EVENTS).contains(&elements.len()) {
            let detail = format!("an array must have 1 to {MAX_EVENTS} events, not {}", elements.len());
            return Err(Rejected::Invalid(vec![limits::fault(detail)]));
        }
        let (mut events, mut faults, mut refused) = (Vec::with_capacity(elements.len()), Vec::new(), None);
        for (index, element) in elements.into_iter().enumerate() {
            match NewEvent::parse(element.get()) {
                Ok(event) => events.push(event),
                Err(Rejected::Invalid(found)) => {
                    faults.extend(found.into_iter().map(|fault| fault.within(index)));
                }
                Err(Rejected::Reserved(fault)) => {
                    refused.get_or_insert(Rejected::Reserved(fault.within(index)));
                }
                Err(Rejected::TooLarge(fault)) => {
                    refused.get_or_insert(Rejected::TooLarge(fault.within(index)));
                }
            }
        }
        faults.truncate(MAX_FAULTS);
        match refused {
            _ if !faults.is_empty() => Err(Rejected::Invalid(faults)),
            Some(refused) => Err(refused),
            None => Ok(Self::Many(events)),
        }
    }
}

/// An event as a client sent it, checked: whoever holds one need not look again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    event_type: String,
    source_app_id: String,
    data_payload: Payload,
}

/// Why a client's event is not logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not as it must be, here and there.
    #[error("{} faults, the first: {}", .0.len(), .0[0])]
    Invalid(Vec<Fault>),
    /// `eventType` is one of the log's own.
    #[error("event types that start with {RESERVED_PREFIX:?} are reserved")]
    Reserved(Fault),
    /// More than [`MAX_EVENT_BYTES`](crate::MAX_EVENT_BYTES).
    #[error("the event is too large: {}", .0.detail)]
    TooLarge(Fault),
}

impl NewEvent {
    /// Reads the JSON `{eventType, sourceAppId, dataPayload}`. Finds what is wrong with each member, not just
    /// with the first.
    pub fn parse(text: &str) -> Result<Self, Rejected> {
        let members = match serde_json::from_str::<Members<'_>>(text) {
            Ok(Members(members)) => members,
            Err(_) => return Err(Rejected::Invalid(vec![not_an_object(text)])),
        };
        let mut form = Form::default();
        for (name, value) in members {
            form.take(&name, value);
        }
        form.into_event()
    }

    /// Gives the event its `_id`.
    pub fn into_draft(self, id: EventId) -> Draft {
        Draft {
            id,
            event_type: self.event_type,
            source_app_id: self.source_app_id,
            data_payload: self.data_payload,
        }
    }
}

/// Three fields to fill, and what was wrong with what was given for them.
#[derive(Default)]
struct Form {
    event_type: Option<Result<String, ()>>,
    source_app_id: Option<Result<String, ()>>,
    data_payload: Option<Result<Payload, ()>>,
    faults: Vec<Fault>,
}

impl Form {
    fn take(&mut self, name: &str, value: &RawValue) {
        let pointer = pointer_step(name);
        let faults = &mut self.faults;
        match name {
            "eventType" => fill(&mut self.event_type, pointer, value, text, faults),
            "sourceAppId" => fill(&mut self.source_app_id, pointer, value, text, faults),
            "dataPayload" => fill(&mut self.data_payload, pointer, value, limits::payload, faults),
            _ => {
                let detail = "only eventType, sourceAppId and dataPayload are taken".into();
                faults.push(Fault { pointer, detail });
            }
        }
        faults.truncate(MAX_FAULTS);
    }

    fn into_event(mut self) -> Result<NewEvent, Rejected> {
        for (name, missing) in [
            ("/eventType", self.event_type.is_none()),
            ("/sourceAppId", self.source_app_id.is_none()),
            ("/dataPayload", self.data_payload.is_none()),
        ] {
            if missing {
                self.faults.push(Fault { pointer: name.into(), detail: "this member is missing".into() });
            }
        }
        let (Some(Ok(event_type)), Some(Ok(source_app_id)), Some(Ok(data_payload)), []) =
            (self.event_type, self.source_app_id, self.data_payload, self.faults.as_slice())
        else {
            return Err(Rejected::Invalid(self.faults));
        };
        if event_type.starts_with(RESERVED_PREFIX) {
            let detail = format!("event types that start with {RESERVED_PREFIX:?} are the log's own");
            return Err(Rejected::Reserved(Fault { pointer: "/eventType".into(), detail }));
        }
        let draft = NewEvent { event_type, source_app_id, data_payload }.into_draft(EventId([0; 12]));
        limits::size(draft.json_len()).map_err(Rejected::TooLarge)?;
        Ok(NewEvent {
            event_type: draft.event_type,
            source_app_id: draft.source_app_id,
            data_payload: draft.data_payload,
        })
    }
}

fn fill<T>(
    field: &mut Option<Result<T, ()>>,
    pointer: String,
    value: &RawValue,
    read: impl Fn(&str) -> Result<T, Fault>,
    faults: &mut Vec<Fault>,
) {
    if field.is_some() {
        return faults.push(Fault { pointer, detail: "this member name is given twice".into() });
    }
    *field = Some(read(value.get()).map_err(|fault| {
        faults.push(Fault { pointer: pointer + &fault.pointer, detail: fault.detail });
    }));
}

fn text(json: &str) -> Result<String, Fault> {
    let no_string = || limits::fault("this must be a string");
    if !json.starts_with('"') {
        return Err(no_string());
    }
    let Value::String(text) = parse_json(json, 0)? else { return Err(no_string()) };
    limits::text(&text).map(|()| text)
}

/// Says where and why `text` is not JSON, or that it is, but no object.
fn not_an_object(text: &str) -> Fault {
    match parse_json(text, usize::MAX) {
        Err(fault) => fault,
        Ok(_) => limits::fault("an event must be a JSON object"),
    }
}

/// The members of an object, as they stand in the text: repeated names are kept, values are not yet read.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(3);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
