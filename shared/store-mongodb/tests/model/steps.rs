//! The steps, each of which may be the next one.

use stateright::{Model, Property};

use crate::ids::Ids;
use crate::progress::progress;
use crate::properties::{safety, scenarios};
use crate::protocol::{Flaw, Protocol};
use crate::server::{Document, ids};
use crate::state::{Doing, Sent, State, Writer};

/// Writers go by their place in [`Protocol::batches`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A writer reads, links and sends: `append_at_once` or `combine`.
    Send(usize, Vec<Document>),
    /// The server gets to its insert.
    Insert(usize),
    /// The server gets to a late insert, perhaps again.
    InsertLate(usize),
    /// A majority gets the next document.
    Commit,
    /// The clean answer arrives.
    Succeed(usize),
    /// It does not, or an error does. The insert is lost, or done, or becomes a late one.
    Fail {
        writer: usize,
        late: bool,
    },
    /// A majority read by `_id` finds these.
    LookUp(usize, Ids),
    Die {
        writer: usize,
        late: bool,
    },
    FailOver {
        kept: usize,
    },
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.batches.len(), self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (writer, Writer { doing, .. }) in state.writers.iter().enumerate() {
            if *doing == Doing::Next {
                self.next_actions(state, writer, actions);
            }
        }
        for (writer, sent) in state.inserting() {
            if sent.done < sent.documents.len() {
                actions.push(Action::Insert(writer));
            } else if sent.is_committed(&state.server) || self.has(Flaw::AcknowledgeBeforeMajority) {
                actions.push(Action::Succeed(writer));
            }
            for late in [false, true].into_iter().take(if state.left.late > 0 { 2 } else { 1 }) {
                actions.push(Action::Fail { writer, late });
                if state.left.deaths > 0 {
                    actions.push(Action::Die { writer, late });
                }
            }
        }
        actions.extend((0..state.late.len()).map(Action::InsertLate));
        let (committed, inserted) = (state.server.committed, state.server.log.len());
        if committed < inserted {
            actions.push(Action::Commit);
            if state.left.fail_overs > 0 {
                actions.extend((committed..inserted).map(|kept| Action::FailOver { kept }));
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Send(writer, documents) => {
                state.writers[writer].head = None;
                state.writers[writer].doing = Doing::Inserting(Sent { documents, done: 0 });
            }
            Action::Insert(writer) => {
                let Doing::Inserting(sent) = &mut state.writers[writer].doing else { return None };
                if !sent.insert(&mut state.server, self.rules()) {
                    self.refuse(&mut state, writer);
                }
            }
            Action::InsertLate(place) => {
                state.late[place].insert(&mut state.server, self.rules());
                state.late.sort();
            }
            Action::Commit => state.server.committed += 1,
            Action::Succeed(writer) => self.succeed(&mut state, writer),
            Action::Fail { writer, late } => state.stop_waiting(writer, Doing::Next, late),
            Action::LookUp(writer, found) => state.writers[writer].settle(found),
            Action::Die { writer, late } => {
                state.left.deaths -= 1;
                state.writers[writer].head = None;
                state.stop_waiting(writer, Doing::Dead, late);
            }
            Action::FailOver { kept } => state.fail_over(kept),
        }
        for writer in state.refused(self.rules()) {
            self.refuse(&mut state, writer);
        }
        state.forget(self.rules());
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        [safety(), progress(), scenarios()].concat()
    }

    /// Where `_id` is not unique the log has no end.
    fn within_boundary(&self, state: &State) -> bool {
        state.server.log.len() <= self.events().iter().count() + 2
    }
}

impl Protocol {
    fn next_actions(&self, state: &State, writer: usize, actions: &mut Vec<Action>) {
        actions.extend(
            self.requests(state, writer).into_iter().map(|documents| Action::Send(writer, documents)),
        );
        let missing = self.missing(state, writer);
        let log =
            if self.has(Flaw::LookUpBeforeMajority) { &state.server.log } else { state.server.committed() };
        for (place, event) in log.iter().enumerate() {
            if missing.contains(event.tip.id) {
                actions.push(Action::LookUp(writer, ids(&log[..=place]).also_in(missing)));
            }
        }
        if !missing.is_empty() && state.left.deaths > 0 {
            actions.push(Action::Die { writer, late: false });
        }
    }
}
