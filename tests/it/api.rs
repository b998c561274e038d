//! The HTTP API as heavy users use it: arrays, keys, filters, cursors, verification, its specification.

mod arrays;
mod crashes;
mod keys;
mod large;
mod leaving;
mod lists;
mod reference;
pub(crate) mod schema;
pub(crate) mod specification;
mod verification;
mod walks;

use eventlog_chain::Event;
use libtest_mimic::Trial;

use crate::client::{Answer, events_in, new_event};
use crate::system::Backend;

pub(crate) fn trials(backend: Backend) -> Vec<Trial> {
    let mut trials = arrays::trials(backend);
    for more in [
        keys::trials,
        crashes::trials,
        leaving::trials,
        lists::trials,
        walks::trials,
        large::trials,
        verification::trials,
    ] {
        trials.extend(more(backend));
    }
    trials
}

/// What needs no second backend.
pub(crate) fn trials_on_one() -> Vec<Trial> {
    let mut trials = specification::trials();
    trials.extend(verification::trials_with_a_file());
    trials
}

/// The body of a POST of these many events; each says whose it is and which.
fn array(name: &str, count: usize) -> String {
    let events = (0..count).map(|n| new_event("T", &format!(r#"{{"of":"{name}","n":{n}}}"#)));
    format!("[{}]", events.collect::<Vec<_>>().join(","))
}

/// The events of a 201 to an array.
fn logged(answer: &Answer) -> Vec<Event> {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let events = answer.body.strip_prefix(r#"{"message":"Events logged successfully","events":"#);
    events_in(events.and_then(|rest| rest.strip_suffix('}')).expect("the answer's form"))
}

/// The target of one of the links of an answer (RFC 8288).
fn link(answer: &Answer, rel: &str) -> Option<String> {
    let rel = format!("rel=\"{rel}\"");
    let links = answer.header("link").split(", ").map(|link| link.split_once("; ").expect("a link"));
    let target = links.into_iter().find(|(_, name)| *name == rel)?.0;
    // Relative to the list itself.
    Some(format!("/events{}", target.trim_start_matches('<').trim_end_matches('>')))
}
