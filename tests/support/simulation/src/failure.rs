//! Errors in the form that clients receive.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::settings::StateChange;

/// The error of a command, or of one statement of a write command.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{name} ({code}): {message}")]
pub(crate) struct Failure {
    pub(crate) code: i32,
    pub(crate) name: &'static str,
    pub(crate) message: String,
    /// Further fields of a write error, for example `keyPattern`.
    details: Option<Box<Document>>,
}

impl Failure {
    fn new(code: i32, name: &'static str, message: impl Into<String>) -> Self {
        Self { code, name, message: message.into(), details: None }
    }

    /// Returns the error of a request that MongoDB refuses too.
    pub(crate) fn bad_value(message: impl Into<String>) -> Self {
        Self::new(2, "BadValue", message)
    }

    /// Returns the error of a request that MongoDB would carry out and the simulation cannot.
    pub(crate) fn not_simulated(feature: impl AsRef<str>) -> Self {
        Self::new(238, "NotImplemented", format!("not simulated: {}", feature.as_ref()))
    }

    pub(crate) fn unknown_command(name: &str) -> Self {
        Self::new(59, "CommandNotFound", format!("no such command: '{name}'"))
    }

    pub(crate) fn unknown_field(command: &str, field: &str) -> Self {
        let message = format!("BSON field '{command}.{field}' is an unknown field, or is not simulated");
        Self::new(40415, "Location40415", message)
    }

    pub(crate) fn authentication_failed() -> Self {
        Self::new(18, "AuthenticationFailed", "Authentication failed.")
    }

    /// Returns the error of a server outside of a replica set.
    pub(crate) fn no_change_streams() -> Self {
        Self::new(40573, "Location40573", "The $changeStream stage is only supported on replica sets")
    }

    pub(crate) fn cursor_not_found(id: i64) -> Self {
        Self::new(43, "CursorNotFound", format!("cursor id {id} not found"))
    }

    pub(crate) fn history_lost() -> Self {
        let message = "the resume token is no longer, or not yet, in the log";
        Self::new(286, "ChangeStreamHistoryLost", message)
    }

    pub(crate) fn not_primary(for_reading: bool) -> Self {
        match for_reading {
            true => Self::new(13435, "NotPrimaryNoSecondaryOk", "not primary and secondaryOk=false"),
            false => Self::state_change(StateChange::NotWritablePrimary),
        }
    }

    pub(crate) fn state_change(change: StateChange) -> Self {
        let (code, name) = change.code_and_name();
        Self::new(code, name, "the primary stepped down, or is not elected yet")
    }

    pub(crate) fn transaction_too_old(number: i64, newest: i64) -> Self {
        let message = format!("txnNumber {number} is too old: the session has started {newest}");
        Self::new(225, "TransactionTooOld", message)
    }

    pub(crate) fn immutable_id() -> Self {
        Self::new(66, "ImmutableField", "an update would modify the immutable field '_id'")
    }

    pub(crate) fn too_large(bytes: usize) -> Self {
        Self::new(10334, "BSONObjectTooLarge", format!("a document of {bytes} bytes is too large"))
    }

    pub(crate) fn index_differs(name: &str) -> Self {
        let message = format!("an index named {name} exists already, with other options");
        Self::new(86, "IndexKeySpecsConflict", message)
    }

    pub(crate) fn duplicate_key(namespace: &str, index: &str, fields: &[(&str, String)]) -> Self {
        let values: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let values = values.join(", ");
        let message = format!(
            "E11000 duplicate key error collection: {namespace} index: {index} dup key: {{ {values} }}"
        );
        let pattern: Document = fields.iter().map(|(name, _)| (name.to_string(), 1.into())).collect();
        Self {
            details: Some(doc! { "keyPattern": pattern }.into()),
            ..Self::new(11000, "DuplicateKey", message)
        }
    }

    /// Returns whether the error concerns one statement and not the whole write command.
    pub(crate) fn is_statement_failure(&self) -> bool {
        matches!(self.code, 11000 | 66 | 10334)
    }

    fn is_state_change(&self) -> bool {
        matches!(self.code, 189 | 10107 | 11602 | 13435)
    }

    pub(crate) fn write_error(&self, index: i32) -> Document {
        let mut error = doc! { "index": index, "code": self.code, "errmsg": &self.message };
        error.extend(self.details.as_deref().cloned().unwrap_or_default());
        error
    }

    pub(crate) fn write_concern_error(&self) -> Document {
        doc! { "code": self.code, "codeName": self.name, "errmsg": &self.message }
    }

    /// Returns MongoDB's labels for this error, by which drivers retry writes and resume change streams.
    pub(crate) fn labels(&self, retryable_write: bool, change_stream: bool) -> Vec<&'static str> {
        let labels = [
            (retryable_write && self.is_state_change(), "RetryableWriteError"),
            (change_stream && (self.is_state_change() || self.code == 43), "ResumableChangeStreamError"),
        ];
        labels.into_iter().filter_map(|(applies, label)| applies.then_some(label)).collect()
    }

    /// Returns the error reply. By `topology_version` drivers recognise errors older than their view of the topology.
    pub(crate) fn reply(&self, labels: Vec<&str>, topology_version: Document) -> Document {
        let mut reply = doc! { "ok": 0.0, "errmsg": &self.message, "code": self.code, "codeName": self.name };
        reply.extend(self.details.as_deref().cloned().unwrap_or_default());
        if !labels.is_empty() {
            reply.insert("errorLabels", labels);
        }
        if self.is_state_change() {
            reply.insert("topologyVersion", topology_version);
        }
        reply
    }
}

impl From<mongodb::bson::error::Error> for Failure {
    fn from(error: mongodb::bson::error::Error) -> Self {
        Self::new(22, "InvalidBSON", error.to_string())
    }
}

/// The reply of a command.
pub(crate) type CommandResult = Result<RawDocumentBuf, Failure>;
