//! What a socket asks for, and what it must then get.

use eventlog_chain::Event;
use form_urlencoded::Serializer;

use crate::client::{Client, events_in};

/// Of events of these types and sources, all mixed; not all can stand in a URL as they are.
pub(super) const TYPES: [&str; 3] = ["Login", "Log out", "Läuft?&=+%"];
pub(super) const SOURCES: [&str; 2] = ["App1", "App/2"];

/// The filter and the form that a socket is opened with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) event_type: Option<&'static str>,
    pub(super) source: Option<&'static str>,
    pub(super) batch: bool,
}

impl Wish {
    /// Every event in a message of its own.
    pub(super) const PLAIN: Self = Self { event_type: None, source: None, batch: false };

    /// Every combination.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for event_type in [None].into_iter().chain(TYPES.map(Some)) {
            for source in [None].into_iter().chain(SOURCES.map(Some)) {
                all.extend([false, true].map(|batch| Self { event_type, source, batch }));
            }
        }
        all
    }

    /// The path to connect to.
    pub(super) fn path(self, after: Option<&Event>) -> String {
        let mut query = Serializer::for_suffix("/?".to_owned(), 2);
        query.extend_pairs(self.event_type.map(|wanted| ("eventType", wanted)));
        query.extend_pairs(self.source.map(|wanted| ("sourceAppId", wanted)));
        query.extend_pairs(self.batch.then_some(("batch", "1")));
        query.extend_pairs(after.map(|event| ("after", event.id.to_string())));
        query.finish()
    }

    /// The events of the log that are wanted.
    pub(super) fn of(self, log: &[Event]) -> Vec<Event> {
        let wants = |event: &&Event| {
            self.event_type.is_none_or(|wanted| event.event_type == wanted)
                && self.source.is_none_or(|wanted| event.source_app_id == wanted)
        };
        log.iter().filter(wants).cloned().collect()
    }

    /// The events of one message.
    pub(super) fn events(self, message: &str) -> Vec<Event> {
        if self.batch {
            let events = events_in(message);
            assert!(!events.is_empty(), "an empty message");
            return events;
        }
        vec![Event::from_json(message).unwrap_or_else(|error| panic!("{error}: {message}"))]
    }
}

/// An event to be posted.
pub(super) fn event(event_type: &str, source: &str, payload: &str) -> String {
    format!(r#"{{"eventType":"{event_type}","sourceAppId":"{source}","dataPayload":{payload}}}"#)
}

/// So many small events of all types and sources.
pub(super) fn mixed(count: usize) -> Vec<String> {
    let nth = |n: usize| event(TYPES[n % 3], SOURCES[n / 3 % 2], &format!(r#"{{"n":{n}}}"#));
    (0..count).map(nth).collect()
}

/// Posts all of these, at most 500 at a time.
pub(super) async fn log_all(client: &mut Client, events: &[String]) {
    for some in events.chunks(500) {
        let answer = client.post(format!("[{}]", some.join(","))).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}
