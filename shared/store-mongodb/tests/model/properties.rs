//! What must hold in every state, and what must happen in some.

use stateright::Property;

use crate::ids::Ids;
use crate::protocol::Protocol;
use crate::server::{Document, ids};
use crate::state::{Doing, Sent, State, Writer};

pub(crate) const NO_FORK: &str = "no seq twice";
pub(crate) const NO_DOUBLE_LINK: &str = "no _id twice";
pub(crate) const NO_GAP: &str = "no gap";
pub(crate) const LINKED: &str = "every event is linked to the one before";
pub(crate) const IN_ORDER: &str = "of every batch there is a beginning, in its order";
pub(crate) const DURABLE: &str = "a majority has what is acknowledged";
pub(crate) const NOTHING_LOST: &str = "no acknowledged event is lost";

pub(crate) fn safety() -> Vec<Property<Protocol>> {
    vec![
        Property::always(NO_FORK, |_, state: &State| differ(&state.server.log, |document| document.seq)),
        Property::always(NO_DOUBLE_LINK, |_, state: &State| {
            differ(&state.server.log, |document| document.tip.id)
        }),
        Property::always(NO_GAP, |_, state: &State| {
            let log = state.server.committed();
            (0..).take(log.len()).all(|seq| log.iter().any(|event| event.seq == seq))
        }),
        Property::always(LINKED, |_, state: &State| {
            state.server.committed().iter().all(|event| is_linked(event, state.server.committed()))
        }),
        Property::always(IN_ORDER, |protocol: &Protocol, state: &State| {
            protocol.batches.iter().all(|batch| is_in_order(*batch, state.server.committed()))
        }),
        Property::always(DURABLE, |_, state: &State| {
            state.acknowledged().are_in(ids(state.server.committed()))
        }),
        Property::always(NOTHING_LOST, |_, state: &State| {
            state.acknowledged().are_in(ids(&state.server.log))
        }),
    ]
}

/// Without these, the rest could be true of a protocol to which nothing happens.
pub(crate) fn scenarios() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes("one writer links for two", |_, state: &State| {
            state.inserting().any(|(_, sent)| sent.documents.len() > 1 && sent.is_committed(&state.server))
        }),
        Property::sometimes(
            "two link the same event at once, as when a lease has lapsed",
            |_, state: &State| {
                let fresh = || state.inserting().filter(|(_, sent)| sent.done == 0);
                let share =
                    |one: &Sent, other: &Sent| !ids(&one.documents).also_in(ids(&other.documents)).is_empty();
                fresh().any(|(one, sent)| fresh().any(|(other, same)| one != other && share(sent, same)))
            },
        ),
        Property::sometimes("an insert meets what no majority has", |_, state: &State| {
            let uncommitted = &state.server.log[state.server.committed..];
            let meets = |sent: &Sent| uncommitted.iter().any(|event| event.seq == sent.documents[0].seq);
            state.inserting().any(|(_, sent)| sent.done == 0 && meets(sent))
        }),
        Property::sometimes("an insert meets, half-way, what is linked already", |_, state: &State| {
            let log = ids(state.server.committed());
            let meets = |sent: &Sent| {
                let linked = |document: &Document| log.contains(document.tip.id);
                !linked(&sent.documents[0]) && sent.documents.iter().any(linked)
            };
            state.inserting().any(|(_, sent)| meets(sent))
        }),
        Property::sometimes("a fail-over cuts an insert in two", |_, state: &State| {
            state.inserting().any(|(_, sent)| 0 < sent.done && sent.done < sent.documents.len())
        }),
        Property::sometimes("a late insert is done", |_, state: &State| {
            state.late.iter().any(|sent| sent.done > 0)
        }),
        Property::sometimes("an event of the dead is linked", |protocol: &Protocol, state: &State| {
            let log = ids(state.server.committed());
            let left_behind = |writer| !protocol.missing(state, writer).also_in(log).is_empty();
            let mut writers = state.writers.iter().enumerate();
            writers.any(|(writer, Writer { doing, .. })| *doing == Doing::Dead && left_behind(writer))
        }),
        Property::sometimes("all is linked in spite of it all", |protocol: &Protocol, state: &State| {
            let left = [state.left.deaths, state.left.late, state.left.fail_overs];
            left == [0; 3] && protocol.events().are_in(ids(state.server.committed()))
        }),
    ]
}

fn differ(log: &[Document], key: impl Fn(&Document) -> u8) -> bool {
    (1..log.len()).all(|place| log[..place].iter().all(|before| key(before) != key(&log[place])))
}

fn is_linked(event: &Document, log: &[Document]) -> bool {
    match event.previous {
        None => event.seq == 0,
        Some(tip) => log.iter().any(|before| before.seq + 1 == event.seq && before.tip == tip),
    }
}

fn is_in_order(batch: Ids, log: &[Document]) -> bool {
    let seq = |id| log.iter().find(|event| event.tip.id == id).map(|event| event.seq);
    let mut neighbours = batch.iter().zip(batch.iter().skip(1));
    neighbours
        .all(|(first, second)| seq(second).is_none() || seq(first).is_some() && seq(first) < seq(second))
}
