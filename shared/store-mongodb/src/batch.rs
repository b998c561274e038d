//! The drafts of one append, and what has become of them.

use std::collections::HashMap;

use eventlog_ledger::{Draft, Event, EventId, RequestId, StoreError, Submission};

use crate::documents::Logged;

pub(crate) struct Batch {
    submission: Submission,
    missing: Vec<Draft>,
    linked: HashMap<EventId, Event>,
}

impl Batch {
    pub(crate) fn new(submission: Submission) -> Self {
        Self { missing: submission.drafts.clone(), submission, linked: HashMap::new() }
    }

    /// The drafts that are not known to stand in the log.
    pub(crate) fn missing(&self) -> &[Draft] {
        &self.missing
    }

    pub(crate) fn missing_ids(&self) -> impl Iterator<Item = EventId> {
        self.missing.iter().map(|draft| draft.id)
    }

    pub(crate) fn is_missing(&self, id: EventId) -> bool {
        self.missing.iter().any(|draft| draft.id == id)
    }

    pub(crate) fn request(&self) -> Option<RequestId> {
        self.submission.request
    }

    pub(crate) fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    /// Takes note of events that stand in the log for good; those of others are passed over. An error if one of ours
    /// stands there for another request.
    pub(crate) fn settle<'a>(
        &mut self,
        events: impl IntoIterator<Item = &'a Logged>,
    ) -> Result<(), StoreError> {
        for Logged { event, request } in events {
            if !self.is_missing(event.id) {
                continue;
            }
            if !self.submission.is_of(event, *request) {
                return Err(StoreError::Conflict);
            }
            // The same id may stand in a batch twice.
            self.missing.retain(|draft| draft.id != event.id);
            self.linked.insert(event.id, event.clone());
        }
        Ok(())
    }

    /// The events, in the order in which their drafts were given.
    pub(crate) fn into_events(self) -> Vec<Event> {
        self.submission.drafts.iter().filter_map(|draft| self.linked.get(&draft.id).cloned()).collect()
    }
}
