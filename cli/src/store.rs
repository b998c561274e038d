//! The log that a command works on.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use eventlog_store_mongodb as mongodb;
use eventlog_store_sqlite as sqlite;

/// Which log.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
    /// Folder of the embedded database.
    #[arg(long, value_name = "DIR", default_value = ".eventlog")]
    data: PathBuf,

    /// Take the log in this MongoDB and not the embedded one; so does the environment variable MONGODB_URI.
    #[arg(long, value_name = "URI")]
    mongodb_uri: Option<String>,
}

pub(crate) enum Log {
    Sqlite(sqlite::Events),
    MongoDb(mongodb::Events),
}

impl StoreArgs {
    /// Opens the log; it need not be there yet.
    pub(crate) async fn open(self) -> Result<Log> {
        Ok(match self.uri() {
            Some(uri) => Log::MongoDb(mongodb::Events::new(&mongodb::Database::open(&uri).await?)),
            None => Log::Sqlite(sqlite::Events::open(&self.data, sqlite::Durability::Process)?),
        })
    }

    /// Opens the log; an embedded one must be there: a mistyped folder is no empty log.
    pub(crate) async fn open_existing(self) -> Result<Log> {
        let is_missing = self.uri().is_none() && !self.data.join("events.db").exists();
        ensure!(!is_missing, "there is no log in the folder {}", self.data.display());
        self.open().await
    }

    /// Not clap's `env`: what the environment says does not count as given beside a FILE.
    fn uri(&self) -> Option<String> {
        let in_environment = || std::env::var("MONGODB_URI").ok().filter(|uri| !uri.is_empty());
        self.mongodb_uri.clone().or_else(in_environment)
    }
}
