//! Retryable writes: a repeated statement gets its first reply and is not executed again.

use std::collections::{BTreeMap, HashMap};

use mongodb::bson::{Bson, Document};

use crate::failure::Failure;

/// The identity of a retryable write: `lsid` and `txnNumber` of its command.
#[derive(Debug, Clone)]
pub(crate) struct WriteId {
    session: Vec<u8>,
    number: i64,
}

/// The result of a statement.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Number of documents inserted, matched or deleted.
    pub(crate) n: i32,
    pub(crate) modified: i32,
    pub(crate) upserted: Option<Bson>,
    /// The reply of findAndModify.
    pub(crate) reply: Option<Document>,
}

#[derive(Default)]
struct Session {
    number: i64,
    /// For each statement index: the number of its last operation, and its outcome.
    outcomes: BTreeMap<i32, (u64, Outcome)>,
}

/// The retryable writes of all sessions. They are rolled back with the operations that they wrote.
#[derive(Default)]
pub(crate) struct Sessions(HashMap<Vec<u8>, Session>);

impl WriteId {
    /// Returns the id of a command that is a retryable write.
    pub(crate) fn parse(command: &Document) -> Result<Option<Self>, Failure> {
        let Some(number) = command.get("txnNumber") else {
            return Ok(None);
        };
        let number =
            number.as_i64().ok_or_else(|| Failure::bad_value("txnNumber must be a 64-bit integer"))?;
        let session = command.get_document("lsid").ok().and_then(session_id);
        let session = session.ok_or_else(|| Failure::bad_value("txnNumber without lsid"))?;
        Ok(Some(Self { session, number }))
    }
}

fn session_id(lsid: &Document) -> Option<Vec<u8>> {
    match lsid.get("id") {
        Some(Bson::Binary(id)) => Some(id.bytes.clone()),
        _ => None,
    }
}

impl Sessions {
    /// Begins a write or its repetition. Fails if the session has begun a later one.
    pub(crate) fn begin(&mut self, write: Option<&WriteId>) -> Result<(), Failure> {
        let Some(write) = write else {
            return Ok(());
        };
        let session = self.0.entry(write.session.clone()).or_default();
        if write.number < session.number {
            return Err(Failure::transaction_too_old(write.number, session.number));
        }
        if write.number > session.number {
            *session = Session { number: write.number, ..Session::default() };
        }
        Ok(())
    }

    pub(crate) fn outcome(&self, write: Option<&WriteId>, statement: i32) -> Option<Outcome> {
        let session = self.0.get(&write?.session)?;
        session.outcomes.get(&statement).map(|(_, outcome)| outcome.clone())
    }

    pub(crate) fn record(&mut self, write: Option<&WriteId>, statement: i32, number: u64, outcome: &Outcome) {
        if let Some(session) = write.and_then(|write| self.0.get_mut(&write.session)) {
            session.outcomes.insert(statement, (number, outcome.clone()));
        }
    }

    pub(crate) fn end(&mut self, lsids: &[Bson]) {
        for session in lsids.iter().filter_map(Bson::as_document).filter_map(session_id) {
            self.0.remove(&session);
        }
    }

    /// Forgets the statements that wrote operations after the number `kept`.
    pub(crate) fn roll_back(&mut self, kept: u64) {
        for session in self.0.values_mut() {
            session.outcomes.retain(|_, (number, _)| *number <= kept);
        }
    }
}
