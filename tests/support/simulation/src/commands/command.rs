//! A command and the readers of its fields.

use mongodb::bson::{Bson, Document, RawDocumentBuf};

use crate::failure::{CommandResult, Failure};
use crate::storage::namespace::Namespace;

/// Fields of all commands. `maxTimeMS`, like `j` of write concerns, has no effect: nothing here has a disk or takes
/// long.
const COMMON_FIELDS: &[&str] = &[
    "$db",
    "lsid",
    "txnNumber",
    "$clusterTime",
    "$readPreference",
    "readConcern",
    "writeConcern",
    "maxTimeMS",
    "comment",
];

/// A command.
pub(crate) struct Command {
    pub(super) body: Document,
    sequences: Vec<(String, Vec<RawDocumentBuf>)>,
}

impl Command {
    pub(crate) fn new(body: Document, sequences: Vec<(String, Vec<RawDocumentBuf>)>) -> Self {
        Self { body, sequences }
    }

    pub(crate) fn name(&self) -> &str {
        self.body.keys().next().map_or("", String::as_str)
    }

    pub(crate) fn is_retryable_write(&self) -> bool {
        self.body.contains_key("txnNumber")
    }

    pub(super) fn database(&self) -> Result<&str, Failure> {
        self.text("$db")
    }

    /// Returns the collection in the command's first field.
    pub(super) fn namespace(&self) -> Result<Namespace, Failure> {
        match self.body.iter().next() {
            Some((_, Bson::String(collection))) => Ok(Namespace::new(self.database()?, collection)),
            _ => Err(Failure::not_simulated(format!("{} without a collection", self.name()))),
        }
    }

    /// Refuses fields other than these and the common ones, and thereby transactions.
    pub(super) fn check_fields(&self, known: &[&str]) -> Result<(), Failure> {
        let sequences = self.sequences.iter().map(|(name, _)| name.as_str());
        let names = self.body.keys().skip(1).map(String::as_str).chain(sequences);
        check_fields(self.name(), names, &[COMMON_FIELDS, known].concat())
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, Failure> {
        self.body.get_str(name).map_err(|_| Failure::bad_value(format!("{name} must be a string")))
    }

    pub(super) fn array(&self, name: &str) -> Result<&[Bson], Failure> {
        let array = self.body.get(name).and_then(Bson::as_array).map(Vec::as_slice);
        array.ok_or_else(|| Failure::bad_value(format!("{name} must be an array")))
    }

    /// Takes the documents of an array, which is in the body or in a document sequence.
    pub(super) fn take_documents(&mut self, name: &str) -> Result<Vec<RawDocumentBuf>, Failure> {
        if let Some(position) = self.sequences.iter().position(|(sequence, _)| sequence == name) {
            return Ok(self.sequences.swap_remove(position).1);
        }
        let document = |value: &Bson| match value {
            Bson::Document(document) => Ok(RawDocumentBuf::try_from(document)?),
            _ => Err(Failure::bad_value(format!("{name} must contain documents"))),
        };
        self.array(name)?.iter().map(document).collect()
    }
}

pub(super) fn check_fields<'a>(
    parent: &str,
    names: impl IntoIterator<Item = &'a str>,
    known: &[&str],
) -> Result<(), Failure> {
    match names.into_iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(Failure::unknown_field(parent, unknown)),
        None => Ok(()),
    }
}

/// Returns a document, empty if the field is missing.
pub(super) fn document(parent: &Document, name: &str) -> Result<Document, Failure> {
    match parent.get(name) {
        None => Ok(Document::new()),
        Some(Bson::Document(document)) => Ok(document.clone()),
        Some(_) => Err(Failure::bad_value(format!("{name} must be a document"))),
    }
}

pub(super) fn boolean(parent: &Document, name: &str, default: bool) -> Result<bool, Failure> {
    match parent.get(name) {
        None => Ok(default),
        Some(Bson::Boolean(value)) => Ok(*value),
        Some(_) => Err(Failure::bad_value(format!("{name} must be a Boolean"))),
    }
}

pub(super) fn count(parent: &Document, name: &str) -> Result<Option<usize>, Failure> {
    let count = match parent.get(name) {
        None => return Ok(None),
        Some(Bson::Int32(count)) => i64::from(*count),
        Some(Bson::Int64(count)) => *count,
        Some(_) => return Err(Failure::bad_value(format!("{name} must be an integer"))),
    };
    let negative = |_| Failure::not_simulated(format!("a negative {name}"));
    usize::try_from(count).map(Some).map_err(negative)
}

/// Returns a successful reply.
pub(super) fn ok(mut reply: Document) -> CommandResult {
    reply.insert("ok", 1.0);
    Ok(RawDocumentBuf::try_from(&reply)?)
}
