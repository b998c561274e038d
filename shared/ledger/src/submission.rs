//! What one request appends, and how its repeat is told from another.

use eventlog_chain::{Draft, Event, EventId, Payload, canonical};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{NewEvent, NewEvents, new_id};

/// The drafts of one request, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// What is to be appended.
    pub drafts: Vec<Draft>,
    /// Of a request that may be repeated: what it is recognised by. It is stored with each of its events.
    pub request: Option<RequestId>,
}

/// The first 16 bytes of SHA-256 over the canonical JSON of all that a request logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

/// An `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A text is no [`IdempotencyKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The Idempotency-Key must have 1 to {} visible ASCII characters", IdempotencyKey::MAX_CHARS)]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Characters of a key, at most.
    pub const MAX_CHARS: usize = 255;

    /// Takes the value of the header field, as it is.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidKey> {
        let is_key = (1..=Self::MAX_CHARS).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
        if !is_key {
            return Err(InvalidKey);
        }
        Ok(Self(text.iter().copied().map(char::from).collect()))
    }

    /// The `_id` of the event at `index` of a request of this principal with this key: the first 12 bytes of SHA-256
    /// over the canonical JSON of `[principal, key, index]`. So no table of keys is needed, and none expires.
    fn event_id(&self, principal: &str, index: usize) -> EventId {
        let hash: [u8; 32] = Sha256::digest(canonical(&json!([principal, self.0, index]))).into();
        EventId(first(hash))
    }
}

impl Submission {
    /// A request that cannot be repeated: each event gets a new `_id`.
    pub fn once(events: NewEvents) -> Self {
        events.into_vec().into_iter().map(|event| event.into_draft(new_id())).collect::<Vec<_>>().into()
    }

    /// A request that can.
    pub fn keyed(principal: &str, key: &IdempotencyKey, events: NewEvents) -> Self {
        let is_array_of_one = matches!(&events, NewEvents::Many(events) if events.len() == 1);
        let draft = |(index, event): (_, NewEvent)| event.into_draft(key.event_id(principal, index));
        let drafts: Vec<_> = events.into_vec().into_iter().enumerate().map(draft).collect();
        let request = Some(RequestId::of(&drafts, is_array_of_one));
        Self { drafts, request }
    }

    /// Whether an event that stands in the log under the `_id` of one of the drafts was logged for this request.
    /// `request` is what is stored with it: nothing with an event that was [restored](crate::EventStore::restore);
    /// then its content tells, but not whether it came alone or in an array.
    pub fn is_of(&self, event: &Event, request: Option<RequestId>) -> bool {
        match (self.request, request) {
            (None, _) => true,
            (Some(own), Some(stored)) => own == stored,
            (Some(_), None) => {
                self.drafts.iter().any(|draft| draft.id == event.id && is_content_of(draft, event))
            }
        }
    }
}

impl RequestId {
    /// An array of one event is told from that event alone, which is answered otherwise, by an empty array behind it.
    fn of(drafts: &[Draft], is_array_of_one: bool) -> Self {
        let mut hash = Sha256::new();
        for (index, draft) in drafts.iter().enumerate() {
            let [event_type, source_app_id] =
                [&draft.event_type, &draft.source_app_id].map(|text| canonical(&Value::from(text.as_str())));
            hash.update(if index == 0 { "[[" } else { ",[" });
            hash.update(
                [&event_type, ",", &source_app_id, ",", draft.data_payload.canonical(), "]"].concat(),
            );
        }
        hash.update(if is_array_of_one { ",[]]" } else { "]" });
        Self(first(hash.finalize().into()))
    }
}

fn first<const N: usize>(hash: [u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| hash[at])
}

fn is_content_of(draft: &Draft, event: &Event) -> bool {
    let payload = Payload::parse(&event.data_payload, usize::MAX);
    draft.event_type == event.event_type
        && draft.source_app_id == event.source_app_id
        && payload.is_ok_and(|payload| payload.canonical() == draft.data_payload.canonical())
}

impl From<Vec<Draft>> for Submission {
    fn from(drafts: Vec<Draft>) -> Self {
        Self { drafts, request: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u32) -> NewEvent {
        let text = format!(r#"{{"eventType":"T","sourceAppId":"A","dataPayload":{{"n":{n},"m":1.0}}}}"#);
        NewEvent::parse(&text).expect("an event")
    }

    #[test]
    fn keys_are_visible_ascii() {
        for good in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", &"k".repeat(255)] {
            assert!(IdempotencyKey::parse(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in ["", "a b", " a", "a\t", "\u{e4}", "\u{7f}", &"k".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(bad.as_bytes()), Err(InvalidKey), "{bad}");
        }
    }

    /// Computed by another implementation: `printf '["me","k-1",1]' | sha256sum`, and so on.
    #[test]
    fn ids_follow_from_principal_key_and_index() {
        let key = IdempotencyKey::parse(b"k-1").expect("a key");
        let both = || NewEvents::Many(vec![event(1), event(2)]);
        let submission = Submission::keyed("me", &key, both());
        let ids: Vec<_> = submission.drafts.iter().map(|draft| draft.id.to_string()).collect();
        assert_eq!(ids, ["6595be6506c802ff80a446fe", "12a15f461c9405fbcabb2e39"]);
        assert_eq!(submission, Submission::keyed("me", &key, both()));
    }

    /// They are stored. Computed by another implementation: `printf '[["T","A",{"m":1,"n":1}]]' | sha256sum`, and so on.
    #[test]
    fn a_request_is_recognised_for_ever() {
        let key = IdempotencyKey::parse(b"k").expect("a key");
        for (events, begins) in [
            (NewEvents::One(event(1)), [0x72, 0xf8, 0xc3, 0xd8]),
            (NewEvents::Many(vec![event(1)]), [0x2a, 0x52, 0x56, 0x86]),
            (NewEvents::Many(vec![event(1), event(2)]), [0xe5, 0x8b, 0x87, 0xab]),
        ] {
            let request = Submission::keyed("", &key, events).request.expect("an id");
            assert_eq!(request.0[..4], begins);
        }
    }

    #[test]
    fn another_body_is_another_request() {
        let key = IdempotencyKey::parse(b"k").expect("a key");
        let request = |events| Submission::keyed("", &key, events).request;
        let array = |events: &[u32]| request(NewEvents::Many(events.iter().map(|n| event(*n)).collect()));
        let alone = [1, 2].map(|n| request(NewEvents::One(event(n))));
        let arrays = [array(&[1]), array(&[2]), array(&[1, 2]), array(&[2, 1]), array(&[1, 2, 3])];
        let all = [&alone[..], &arrays].concat();
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b), "{a:?}");
        }
    }
}
