//! The drafts of one append, and what has become of them.

use std::collections::HashMap;

use eventlog_ledger::{Draft, Event, EventId};

pub(crate) struct Batch {
    order: Vec<EventId>,
    missing: Vec<Draft>,
    linked: HashMap<EventId, Event>,
}

impl Batch {
    pub(crate) fn new(drafts: Vec<Draft>) -> Self {
        Self { order: drafts.iter().map(|draft| draft.id).collect(), missing: drafts, linked: HashMap::new() }
    }

    /// The drafts that are not known to stand in the log.
    pub(crate) fn missing(&self) -> &[Draft] {
        &self.missing
    }

    pub(crate) fn missing_ids(&self) -> Vec<EventId> {
        self.missing.iter().map(|draft| draft.id).collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    /// Takes note of events that stand in the log for good; those of others are passed over.
    pub(crate) fn settle<'a>(&mut self, events: impl IntoIterator<Item = &'a Event>) {
        for event in events {
            let before = self.missing.len();
            // The same id may stand in a batch twice.
            self.missing.retain(|draft| draft.id != event.id);
            if self.missing.len() < before {
                self.linked.insert(event.id, event.clone());
            }
        }
    }

    /// The events, in the order in which their drafts were given.
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.order.iter().filter_map(|id| self.linked.get(id).cloned()).collect()
    }
}
