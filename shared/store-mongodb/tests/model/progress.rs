//! Whether the living get through once nothing goes wrong any more.
//!
//! The checker's `eventually` overlooks runs that go in circles, so this is a property of each state: from
//! there, without faults, these schedules end with acknowledgements. Whatever stands still, dead or alive, with
//! the lease or with an insert on the way, stops nobody; and of those who collide one gets through. That one of
//! them loses every race is not ruled out by this.

use stateright::Property;

use crate::ids::Ids;
use crate::protocol::{Flaw, Protocol};
use crate::server::{head, ids};
use crate::state::{Doing, State};
use crate::writers::Known;

pub(crate) const SOMEBODY_GETS_THROUGH: &str = "some writer always gets through";

/// An insert that meets what was left behind, and one without it.
const ATTEMPTS: usize = 2;

pub(crate) fn progress() -> Vec<Property<Protocol>> {
    let condition = |protocol: &Protocol, state: &State| {
        // All that was ever published, or nothing: it is a hint.
        [protocol.events(), Ids::default()].into_iter().all(|waiting| {
            let alone = |writer: &usize| gets_through_alone(protocol, state, *writer, waiting);
            unacknowledged(protocol, state).iter().all(alone) && get_through(protocol, state, waiting)
        })
    };
    vec![Property::always(SOMEBODY_GETS_THROUGH, condition)]
}

/// The living with an unacknowledged event.
fn unacknowledged(protocol: &Protocol, state: &State) -> Vec<usize> {
    let lives = |writer: &usize| state.writers[*writer].doing != Doing::Dead;
    let writers = (0..state.writers.len()).filter(lives);
    writers.filter(|writer| !protocol.missing(state, *writer).is_empty()).collect()
}

/// One writer goes on, its last insert lost; all others stand still.
fn gets_through_alone(protocol: &Protocol, state: &State, writer: usize, waiting: Ids) -> bool {
    let mut rounds = Rounds::new(protocol, state.clone(), waiting);
    for _ in 0..ATTEMPTS {
        rounds.round(&[writer]);
    }
    protocol.missing(&rounds.state, writer).is_empty()
}

/// What is on the way arrives, late inserts too; then all go on in step: they read the same log, and collide.
fn get_through(protocol: &Protocol, state: &State, waiting: Ids) -> bool {
    let mut state = state.clone();
    let awaited: Vec<_> = state.inserting().map(|(_, sent)| sent.clone()).collect();
    for mut sent in awaited.into_iter().chain(state.late.clone()) {
        sent.insert(&mut state.server, protocol.rules());
    }
    let mut rounds = Rounds::new(protocol, state, waiting);
    loop {
        let before = unacknowledged(protocol, &rounds.state);
        for _ in 0..ATTEMPTS {
            rounds.round(&before);
        }
        let after = unacknowledged(protocol, &rounds.state);
        if after.is_empty() || after.len() == before.len() {
            return after.is_empty();
        }
    }
}

struct Rounds<'a> {
    protocol: &'a Protocol,
    state: State,
    waiting: Ids,
    /// What each writer has found by `_id` after an error.
    found: Vec<Ids>,
}

impl<'a> Rounds<'a> {
    fn new(protocol: &'a Protocol, mut state: State, waiting: Ids) -> Self {
        state.server.catch_up();
        let found = vec![Ids::default(); state.writers.len()];
        Self { protocol, state, waiting, found }
    }

    /// Each of the writers polls, combines, and hears of it.
    fn round(&mut self, writers: &[usize]) {
        let log = self.state.server.log.clone();
        for &writer in writers {
            self.state.writers[writer].settle(self.protocol.batches[writer].also_in(ids(&log)));
            let known = Known { waiting: self.waiting, head: head(&log), found: self.found[writer] };
            let missing = self.protocol.missing(&self.state, writer);
            if missing.is_empty() {
                continue;
            }
            let request = self.protocol.combine(writer, missing, &known);
            let inserted = self.state.server.insert(&request, self.protocol.rules());
            self.state.server.catch_up();
            let now = ids(&self.state.server.log);
            if inserted < request.len() && !self.protocol.has(Flaw::NeverLookUp) {
                self.found[writer] = self.found[writer].and(ids(&request).also_in(now));
            }
            self.state.writers[writer].settle(self.protocol.batches[writer].also_in(now));
        }
    }
}
