//! The database: how it is reached.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eventlog_ledger::StoreError;
use mongodb::Client;
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use mongodb::options::{
    ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, ServerAddress, WriteConcern,
};
use tokio::time::timeout;

/// A database cannot be opened. The connection string may hold a password, so no part of it is repeated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The connection string cannot be fetched from where it is kept.
    #[error(transparent)]
    Fetch(Box<dyn std::error::Error + Send + Sync>),
    /// Not of the form `mongodb://…` or `mongodb+srv://…`, or its host cannot be looked up.
    #[error("the MongoDB connection string is malformed, or its SRV record cannot be looked up")]
    ConnectionString,
}

/// The database where connection strings name none.
const DEFAULT_DATABASE: &str = "eventlog";
/// How long to look for a primary: an election takes a few seconds, a request has 30.
const SELECTION: Duration = Duration::from_secs(5);
/// A connection that was idle for longer is not used again: while an instance is frozen, whatever lies between it and
/// the server may have forgotten it, and the first request would hang until its deadline.
const MAX_IDLE: Duration = Duration::from_secs(60);
/// How long the driver may take to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// Connections of one process. Many function instances share what one Atlas cluster allows.
const POOL: u32 = 8;

/// One MongoDB database. Connects when it is first used.
#[derive(Clone)]
pub struct Database(pub(crate) mongodb::Database, ShutOut, Arc<[ServerAddress]>);

/// Set once a connection could not be made: the server was away, or did not take our credentials.
type ShutOut = Arc<AtomicBool>;

impl Database {
    /// Takes a connection string; the database it names, or `eventlog`.
    pub async fn open(connection_string: &str) -> Result<Self, OpenError> {
        let options = ClientOptions::parse(connection_string).await;
        let mut options = options.map_err(|_| OpenError::ConnectionString)?;
        options.app_name = Some("eventlog".into());
        options.server_selection_timeout = Some(SELECTION);
        options.connect_timeout = Some(SELECTION);
        options.max_pool_size = Some(POOL);
        options.max_idle_time = Some(options.max_idle_time.map_or(MAX_IDLE, |asked| asked.min(MAX_IDLE)));
        options.min_pool_size = None;
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(WriteConcern::majority());
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        let name = options.default_database.clone().unwrap_or_else(|| DEFAULT_DATABASE.into());
        let shut_out = ShutOut::default();
        options.cmap_event_handler = Some(note_failures(shut_out.clone()));
        let hosts = options.hosts.as_slice().into();
        let client = Client::with_options(options).map_err(|_| OpenError::ConnectionString)?;
        Ok(Self(client.database(&name), shut_out, hosts))
    }

    /// Lets the driver end what it has begun, a cursor that is closed on the server for one: cut off with the runtime, it
    /// panics. Nothing can be done with the database afterwards.
    pub async fn close(self) {
        let _ = timeout(FAREWELL, self.0.client().clone().shutdown()).await;
    }

    /// Whether it may help to fetch the connection string anew.
    pub(crate) fn is_shut_out(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

/// Where it is, without the credentials: for people.
impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.2.iter().map(ToString::to_string).collect();
        write!(formatter, "MongoDB at {}, database {}", hosts.join(","), self.0.name())
    }
}

fn note_failures(shut_out: ShutOut) -> EventHandler<CmapEvent> {
    EventHandler::callback(move |event| {
        if let CmapEvent::ConnectionCheckoutFailed(_) = event {
            shut_out.store(true, Ordering::Relaxed);
        }
    })
}

/// A document that cannot be read is damage; anything else may pass.
pub(crate) fn store_error(error: Error) -> StoreError {
    match *error.kind {
        ErrorKind::BsonDeserialization(_) | ErrorKind::Bson(_) => {
            StoreError::Corrupt { id: None, what: error.to_string() }
        }
        // The message goes on with all that the driver knows of each server.
        ErrorKind::ServerSelection { message, .. } => {
            StoreError::unavailable(message.split(" Topology:").next().unwrap_or_default().to_owned())
        }
        // The kind alone is a sentence; the error is the whole state of the driver.
        kind => StoreError::unavailable(kind),
    }
}

/// Whether a unique index was in the way. Which one is never read from the message: servers differ in it.
pub(crate) fn is_duplicate_key(error: &Error) -> bool {
    const CODE: i32 = 11000;
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == CODE,
        ErrorKind::InsertMany(error) => error.write_errors.iter().flatten().any(|error| error.code == CODE),
        ErrorKind::Command(error) => error.code == CODE,
        _ => false,
    }
}
