//! The role of the member: primary or not, and the counters by which clients notice a change.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

/// Name of the replica set.
pub(crate) const REPLICA_SET: &str = "simulated";

/// The role that `hello` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) is_primary: bool,
    term: u32,
    process: ObjectId,
    counter: i64,
}

impl Role {
    pub(crate) fn initial_primary() -> Self {
        Self { is_primary: true, term: 1, process: ObjectId::new(), counter: 1 }
    }

    pub(crate) fn step_down(&mut self) {
        self.is_primary = false;
        self.counter += 1;
    }

    pub(crate) fn win_election(&mut self) {
        self.is_primary = true;
        self.term += 1;
        self.counter += 1;
    }

    /// Steps down as a new process, whose counter starts again.
    pub(crate) fn restart(&mut self) {
        self.process = ObjectId::new();
        self.counter = 0;
        self.step_down();
    }

    /// Returns an id that increases with each election: drivers trust the primary with the highest.
    pub(crate) fn election_id(&self) -> ObjectId {
        let mut id = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
        id[8..].copy_from_slice(&self.term.to_be_bytes());
        ObjectId::from_bytes(id)
    }

    pub(crate) fn topology_version(&self) -> Document {
        doc! { "processId": self.process, "counter": self.counter }
    }
}
