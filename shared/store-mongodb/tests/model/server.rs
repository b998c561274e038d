//! The collection `events` of a replica set, as its clients see it.

use crate::ids::{Id, Ids};

/// What an event is linked to, the hash of the event before: which one, and who linked it. Two writers that
/// link the same event give it two timestamps, so two hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tip {
    pub(crate) id: Id,
    pub(crate) by: u8,
}

/// A linked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Document {
    pub(crate) seq: u8,
    pub(crate) tip: Tip,
    pub(crate) previous: Option<Tip>,
}

/// What keeps documents out, and what stops a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) unique_id: bool,
    pub(crate) unique_seq: bool,
    pub(crate) ordered: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    /// All that the primary has, in the order in which it was inserted and is replicated.
    pub(crate) log: Vec<Document>,
    /// How many of these a majority has.
    pub(crate) committed: usize,
}

impl Server {
    pub(crate) fn committed(&self) -> &[Document] {
        &self.log[..self.committed]
    }

    /// Inserts, and answers how many went in before the first that did not fit. The unique indexes know all
    /// that the primary has, also what no majority has and a fail-over may yet take back.
    pub(crate) fn insert(&mut self, documents: &[Document], rules: Rules) -> usize {
        let mut before_refusal = documents.len();
        for (place, new) in documents.iter().enumerate() {
            let collides = |old: &Document| {
                rules.unique_id && old.tip.id == new.tip.id || rules.unique_seq && old.seq == new.seq
            };
            if !self.log.iter().any(collides) {
                self.log.push(*new);
                continue;
            }
            before_refusal = before_refusal.min(place);
            if rules.ordered {
                break;
            }
        }
        before_refusal
    }

    /// Whether inserting these can do anything, now or ever: what a majority has stays, and what that keeps out
    /// stays out.
    pub(crate) fn could_insert(&self, documents: &[Document], rules: Rules) -> bool {
        let mut least = Self { log: self.committed().to_vec(), committed: self.committed };
        least.insert(documents, rules);
        least.log.len() > self.committed
    }

    /// A majority gets all there is.
    pub(crate) fn catch_up(&mut self) {
        self.committed = self.log.len();
    }

    /// Another member becomes the primary: it has what a majority had, and of the rest what had reached it.
    pub(crate) fn fail_over(&mut self, kept: usize) {
        self.log.truncate(kept);
    }
}

/// The last of these events.
pub(crate) fn head(log: &[Document]) -> Option<Document> {
    log.iter().max_by_key(|document| document.seq).copied()
}

pub(crate) fn ids(documents: &[Document]) -> Ids {
    documents.iter().map(|document| document.tip.id).collect()
}
