//! The commands. What is not known is an error: a field, an operator or a stage as well.

mod concern;
mod find_and_modify;
pub(crate) mod hello;
mod read;
mod sasl;
mod schema;
mod write;

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use crate::databases::Namespace;
use crate::failure::{Answer, Failure};
use crate::server::Server;

/// Bytes of a message, as `hello` announces it.
pub(crate) const MAX_MESSAGE: i32 = 48_000_000;
/// Statements of one write command.
pub(crate) const MAX_STATEMENTS: i32 = 100_000;

/// Fields that any command may have, and that are either used or without effect here. `j` and `maxTimeMS` are
/// such: nothing here has a disk, and nothing takes long.
const GENERIC: &[&str] = &[
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

/// One command.
pub(crate) struct Command {
    body: Document,
    sequences: Vec<(String, Vec<RawDocumentBuf>)>,
}

/// Carries out a command.
pub(crate) async fn run(server: &Server, command: Command) -> Answer {
    match command.name() {
        "hello" | "isMaster" | "ismaster" => hello::run(server, &command).await,
        "ping" => ok(doc! {}),
        "saslStart" => sasl::start(server, &command),
        "endSessions" => {
            server.state()?.sessions.end(command.array("endSessions")?);
            ok(doc! {})
        }
        "insert" => write::insert(server, command).await,
        "update" => write::update(server, command).await,
        "delete" => write::delete(server, command).await,
        "findAndModify" => find_and_modify::run(server, command).await,
        "find" => read::find(server, &command),
        "count" => read::count_all(server, &command),
        "aggregate" => read::aggregate(server, &command),
        "getMore" => read::get_more(server, &command).await,
        "killCursors" => read::kill_cursors(server, &command),
        "createIndexes" => schema::create_indexes(server, &command).await,
        "dropDatabase" => schema::drop_database(server, &command).await,
        unknown => Err(Failure::unknown_command(unknown)),
    }
}

fn ok(mut reply: Document) -> Answer {
    reply.insert("ok", 1.0);
    Ok(RawDocumentBuf::try_from(&reply)?)
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

    /// Whether it opens or reads a change stream.
    pub(crate) fn is_change_stream(&self, server: &Server) -> bool {
        match self.name() {
            "aggregate" => true,
            "getMore" => read::is_change_stream(server, self),
            _ => false,
        }
    }

    fn database(&self) -> Result<&str, Failure> {
        self.text("$db")
    }

    /// The collection that the command names first.
    fn namespace(&self) -> Result<Namespace, Failure> {
        match self.body.iter().next() {
            Some((_, Bson::String(collection))) => Ok(Namespace::new(self.database()?, collection)),
            _ => Err(Failure::not_simulated(format!("{} without a collection", self.name()))),
        }
    }

    /// Refuses fields other than these and those of any command. Transactions are refused by this.
    fn check_fields(&self, known: &[&str]) -> Result<(), Failure> {
        let sequences = self.sequences.iter().map(|(name, _)| name.as_str());
        let names = self.body.keys().skip(1).map(String::as_str).chain(sequences);
        check_fields(self.name(), names, &[GENERIC, known].concat())
    }

    fn text(&self, name: &str) -> Result<&str, Failure> {
        self.body.get_str(name).map_err(|_| Failure::bad_value(format!("{name} must be a string")))
    }

    fn array(&self, name: &str) -> Result<&[Bson], Failure> {
        let array = self.body.get(name).and_then(Bson::as_array).map(Vec::as_slice);
        array.ok_or_else(|| Failure::bad_value(format!("{name} must be an array")))
    }

    /// Documents that came in an array of the command or beside it.
    fn documents(&mut self, name: &str) -> Result<Vec<RawDocumentBuf>, Failure> {
        if let Some(position) = self.sequences.iter().position(|(sequence, _)| sequence == name) {
            return Ok(self.sequences.swap_remove(position).1);
        }
        let document = |value: &Bson| match value {
            Bson::Document(document) => Ok(RawDocumentBuf::try_from(document)?),
            _ => Err(Failure::bad_value(format!("{name} must hold documents"))),
        };
        self.array(name)?.iter().map(document).collect()
    }
}

fn check_fields<'a>(
    of: &str,
    names: impl IntoIterator<Item = &'a str>,
    known: &[&str],
) -> Result<(), Failure> {
    match names.into_iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(Failure::unknown_field(of, unknown)),
        None => Ok(()),
    }
}

/// A document, empty if it is not there.
fn document(of: &Document, name: &str) -> Result<Document, Failure> {
    match of.get(name) {
        None => Ok(Document::new()),
        Some(Bson::Document(document)) => Ok(document.clone()),
        Some(_) => Err(Failure::bad_value(format!("{name} must be a document"))),
    }
}

fn boolean(of: &Document, name: &str, default: bool) -> Result<bool, Failure> {
    match of.get(name) {
        None => Ok(default),
        Some(Bson::Boolean(value)) => Ok(*value),
        Some(_) => Err(Failure::bad_value(format!("{name} must be a Boolean"))),
    }
}

/// A count, if it is there.
fn count(of: &Document, name: &str) -> Result<Option<usize>, Failure> {
    let count = match of.get(name) {
        None => return Ok(None),
        Some(Bson::Int32(count)) => i64::from(*count),
        Some(Bson::Int64(count)) => *count,
        Some(_) => return Err(Failure::bad_value(format!("{name} must be an integer"))),
    };
    let negative = |_| Failure::not_simulated(format!("a negative {name}"));
    usize::try_from(count).map(Some).map_err(negative)
}
