//! What a writer makes of what it has read.

use crate::ids::{Id, Ids};
use crate::protocol::{Flaw, Protocol};
use crate::server::{Document, Tip, ids};
use crate::state::{Doing, State};

/// What a combiner has read.
pub(crate) struct Known {
    /// What it found in `pending`.
    pub(crate) waiting: Ids,
    /// The end of the log. Of the 64 events that the code reads this is the last one only, so that what the
    /// others do not show is reached soon.
    pub(crate) head: Option<Document>,
    /// What it has found in the log by `_id`.
    pub(crate) found: Ids,
}

impl Protocol {
    /// Drafts in order of arrival, which is that of their numbers; then those of its own that it did not find
    /// waiting.
    pub(crate) fn combine(&self, writer: usize, missing: Ids, known: &Known) -> Vec<Document> {
        let mut linked = known.found.and(known.head.map(|head| head.tip.id).into_iter().collect());
        if self.has(Flaw::NeverLookUp) {
            linked = Ids::default();
        }
        let group = known.waiting.without(linked);
        let mine = missing.without(linked).without(group);
        self.link(writer, group.iter().chain(mine.iter()), known.head)
    }

    fn append_at_once(&self, writer: usize, missing: Ids, head: Option<Document>) -> Vec<Document> {
        self.link(writer, missing.iter(), head)
    }

    fn link(
        &self,
        writer: usize,
        events: impl Iterator<Item = Id>,
        mut last: Option<Document>,
    ) -> Vec<Document> {
        let by = if self.timestamps { writer as u8 } else { 0 };
        let behind_last = |id| {
            let seq = last.map_or(0, |last| last.seq + 1);
            let document = Document { seq, tip: Tip { id, by }, previous: last.map(|last| last.tip) };
            last = Some(document);
            document
        };
        events.map(behind_last).collect()
    }

    /// All that a writer could send now: behind the head that it remembers, or behind any that a majority read
    /// has shown since the log began; with any selection of what may wait.
    pub(crate) fn requests(&self, state: &State, writer: usize) -> Vec<Vec<Document>> {
        let missing = self.missing(state, writer);
        let selections: Vec<_> =
            self.events().selections().filter(|waiting| self.may_wait(state, *waiting)).collect();
        let log =
            if self.has(Flaw::LinkBeforeMajority) { &state.server.log } else { state.server.committed() };
        let remembered = state.writers[writer].head.map(Some);
        let mut requests = Vec::new();
        for head in log.iter().copied().map(Some).chain([None]).chain(remembered) {
            let known = |waiting: &Ids| Known { waiting: *waiting, head, found: Ids::default() };
            let combined = selections.iter().map(|waiting| self.combine(writer, missing, &known(waiting)));
            for request in combined.chain([self.append_at_once(writer, missing, head)]) {
                if !request.is_empty() && !requests.contains(&request) {
                    requests.push(request);
                }
            }
        }
        requests
    }

    /// A batch is published in its order, and removed is only what a majority has in the log.
    fn may_wait(&self, state: &State, waiting: Ids) -> bool {
        let accounted = waiting.and(ids(state.server.committed()));
        let is_beginning =
            |batch: &Ids| waiting.also_in(*batch).iter().all(|id| batch.before(id).are_in(accounted));
        self.has(Flaw::UnorderedPending) || self.batches.iter().all(is_beginning)
    }

    /// The insert was clean.
    pub(crate) fn succeed(&self, state: &mut State, writer: usize) {
        let Doing::Inserting(sent) = std::mem::take(&mut state.writers[writer].doing) else {
            return;
        };
        state.writers[writer].settle(ids(&sent.documents).also_in(self.batches[writer]));
        state.writers[writer].head = sent.documents.last().copied();
    }

    /// The insert hit a duplicate key. What a majority read then finds is a step of its own, which may be left
    /// out.
    pub(crate) fn refuse(&self, state: &mut State, writer: usize) {
        let Doing::Inserting(sent) = std::mem::take(&mut state.writers[writer].doing) else {
            return;
        };
        if self.has(Flaw::TrustDuplicateKey) {
            state.writers[writer].settle(self.batches[writer]);
        }
        if self.has(Flaw::RememberDespiteError) && ids(&sent.documents).are_in(ids(state.server.committed()))
        {
            state.writers[writer].head = sent.documents.last().copied();
        }
    }
}
