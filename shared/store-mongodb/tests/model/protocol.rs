//! What is checked: the protocol, or the protocol with a flaw.

use crate::ids::Ids;
use crate::server::Rules;
use crate::state::{Faults, State};

#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    /// The events of each writer, in their order. Two writers with the same event are a request and its
    /// repetition.
    pub(crate) batches: Vec<Ids>,
    /// Whether the hash of an event depends on who linked it, as it does by its timestamp. Without, there is
    /// less to explore.
    pub(crate) timestamps: bool,
    pub(crate) faults: Faults,
    pub(crate) flaw: Option<Flaw>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// `_id` is not unique (against I1).
    RepeatedId,
    /// `seq` is not unique (against I2).
    RepeatedSeq,
    /// Events are linked to a head that no majority has (against I3).
    LinkBeforeMajority,
    /// After an error a writer that finds its events in the log takes them for its own linking (against I3).
    RememberDespiteError,
    /// An insert is answered as soon as the primary has it (against I4).
    AcknowledgeBeforeMajority,
    /// An event is looked up among all that the primary has (against I4).
    LookUpBeforeMajority,
    /// A duplicate key is taken for one's own event from an earlier attempt (against I4).
    TrustDuplicateKey,
    /// An insert goes on behind a document that did not fit (against I5).
    UnorderedBatch,
    /// A batch is published in no order, so that a part of it may wait without what comes before.
    UnorderedPending,
    /// A combiner neither leaves out what the end of the log shows nor looks up what did not fit.
    NeverLookUp,
}

impl Protocol {
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            unique_id: !self.has(Flaw::RepeatedId),
            unique_seq: !self.has(Flaw::RepeatedSeq),
            ordered: !self.has(Flaw::UnorderedBatch),
        }
    }

    pub(crate) fn events(&self) -> Ids {
        self.batches.iter().fold(Ids::default(), |all, batch| all.and(*batch))
    }

    /// Of the writer's events those that it does not know to stand in the log.
    pub(crate) fn missing(&self, state: &State, writer: usize) -> Ids {
        self.batches[writer].without(state.writers[writer].settled)
    }
}
