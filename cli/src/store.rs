//! The log that a command works on.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use eventlog_store_mongodb as mongodb;
use eventlog_store_sqlite as sqlite;

/// Which log.
#[derive(clap::Args)]
pub(crate) struct StoreArgs {
    /// Folder of the embedded database [default: .eventlog].
    #[arg(long, value_name = "DIR", conflicts_with = "mongodb_uri")]
    data: Option<PathBuf>,

    /// Take the log in this MongoDB and not the embedded one; so does the environment variable MONGODB_URI where
    /// neither is given.
    #[arg(long, value_name = "URI")]
    mongodb_uri: Option<String>,
}

/// Where that log is.
pub(crate) enum Place {
    Folder(PathBuf),
    /// At this connection string, which may hold a password.
    MongoDb(String),
}

pub(crate) enum Log {
    Sqlite(sqlite::Events),
    MongoDb(mongodb::Events),
}

impl StoreArgs {
    /// Not clap's `env`: what stands on the command line goes before what the environment says.
    pub(crate) fn place(self) -> Place {
        let in_environment = || std::env::var("MONGODB_URI").ok().filter(|uri| !uri.is_empty());
        match (self.data, self.mongodb_uri) {
            (Some(folder), _) => Place::Folder(folder),
            (None, Some(uri)) => Place::MongoDb(uri),
            (None, None) => in_environment().map_or(Place::Folder(".eventlog".into()), Place::MongoDb),
        }
    }

    /// Opens the log; it need not be there yet.
    pub(crate) async fn open(self) -> Result<Log> {
        self.place().open().await
    }

    /// Opens the log; an embedded one must be there: a mistyped folder is no empty log.
    pub(crate) async fn open_existing(self) -> Result<Log> {
        self.existing_place()?.open().await
    }

    /// Returns where the log is; an embedded one must be there.
    pub(crate) fn existing_place(self) -> Result<Place> {
        let place = self.place();
        if let Place::Folder(folder) = &place {
            ensure!(folder.join("events.db").exists(), "there is no log in the folder {}", folder.display());
        }
        Ok(place)
    }
}

impl Place {
    async fn open(self) -> Result<Log> {
        Ok(match self {
            Self::MongoDb(uri) => Log::MongoDb(mongodb::Events::new(&mongodb::Database::open(&uri).await?)),
            Self::Folder(folder) => Log::Sqlite(sqlite::Events::open(&folder, sqlite::Durability::Process)?),
        })
    }
}
