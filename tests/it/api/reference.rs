//! What a list is, told as simply as can be: on the whole log, in memory.

use std::ops::Range;

use eventlog_chain::Event;
use form_urlencoded::Serializer;
use proptest::prelude::*;

/// A log has so many events here.
pub(super) const EVENTS: usize = 60;
/// Types and sources; some would mean something to a database, or in a URL.
pub(super) const TEXTS: [&str; 5] = ["A", "a", "$ne", "a&b=c d+é%", "😀 "];

/// What `GET /events` can be asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) event_type: Option<&'static str>,
    pub(super) source_app_id: Option<&'static str>,
    /// The time of the event at this place, and so many milliseconds.
    pub(super) from: Option<(usize, i64)>,
    pub(super) to: Option<(usize, i64)>,
    pub(super) is_newest_first: Option<bool>,
    pub(super) part: Part,
    pub(super) limit: Option<usize>,
}

/// Cursors are places in the log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    None,
    Page(usize),
    After(usize),
    Before(usize),
}

pub(super) fn asked() -> impl Strategy<Value = Asked> {
    let text = || proptest::option::of(proptest::sample::select(TEXTS.to_vec()));
    let time = || proptest::option::weighted(0.3, (0..EVENTS, -1..=1_i64));
    let part = prop_oneof![
        1 => Just(Part::None),
        2 => (1..12_usize).prop_map(Part::Page),
        2 => (0..EVENTS).prop_map(Part::After),
        2 => (0..EVENTS).prop_map(Part::Before),
    ];
    let order = proptest::option::of(any::<bool>());
    let limit = proptest::option::weighted(0.9, prop_oneof![4 => 1..20_usize, 1 => Just(1000)]);
    (text(), text(), time(), time(), order, part, limit).prop_map(
        |(event_type, source_app_id, from, to, is_newest_first, part, limit)| Asked {
            event_type,
            source_app_id,
            from,
            to,
            is_newest_first,
            part,
            limit,
        },
    )
}

impl Asked {
    pub(super) fn target(&self, log: &[Event]) -> String {
        let time = |(place, more): (usize, i64)| {
            let millis = log[place].timestamp.millis() + more;
            eventlog_ledger::Timestamp::from_millis(millis).expect("a time").to_string()
        };
        let (name, part) = match self.part {
            Part::None => ("page", None),
            Part::Page(number) => ("page", Some(number.to_string())),
            Part::After(place) => ("after", Some(log[place].id.to_string())),
            Part::Before(place) => ("before", Some(log[place].id.to_string())),
        };
        let order = self.is_newest_first.map(|is_newest_first| if is_newest_first { "desc" } else { "asc" });
        let mut query = Serializer::new(String::from("/events?"));
        for (name, value) in [
            ("eventType", self.event_type.map(str::to_owned)),
            ("sourceAppId", self.source_app_id.map(str::to_owned)),
            ("from", self.from.map(time)),
            ("to", self.to.map(time)),
            ("order", order.map(str::to_owned)),
            (name, part),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ] {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }

    /// The whole list.
    pub(super) fn list(&self, log: &[Event]) -> Vec<Event> {
        self.places(log).into_iter().map(|place| log[place].clone()).collect()
    }

    fn places(&self, log: &[Event]) -> Vec<usize> {
        let millis = |(place, more): (usize, i64)| log[place].timestamp.millis() + more;
        let is_wanted = |place: &usize| {
            let event = &log[*place];
            self.event_type.is_none_or(|wanted| event.event_type == wanted)
                && self.source_app_id.is_none_or(|wanted| event.source_app_id == wanted)
                && self.from.is_none_or(|from| event.timestamp.millis() >= millis(from))
                && self.to.is_none_or(|to| event.timestamp.millis() < millis(to))
        };
        let mut places: Vec<_> = (0..log.len()).filter(is_wanted).collect();
        if self.is_newest_first == Some(true) {
            places.reverse();
        }
        places
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(100)
    }

    /// Which of the list is given.
    pub(super) fn given(&self, log: &[Event]) -> Range<usize> {
        let places = self.places(log);
        let limit = self.limit();
        // Those that the cursor has on its wanted side are at one end of the list.
        let (at_start, count) = match self.part {
            Part::None | Part::Page(_) => {
                let number = if let Part::Page(number) = self.part { number } else { 1 };
                let start = places.len().min((number - 1) * limit);
                return start..places.len().min(start + limit);
            }
            Part::After(cursor) => {
                (self.is_newest_first == Some(true), places.iter().filter(|place| **place > cursor).count())
            }
            Part::Before(cursor) => {
                (self.is_newest_first != Some(true), places.iter().filter(|place| **place < cursor).count())
            }
        };
        if at_start {
            count.saturating_sub(limit)..count
        } else {
            let start = places.len() - count;
            start..places.len().min(start + limit)
        }
    }
}
