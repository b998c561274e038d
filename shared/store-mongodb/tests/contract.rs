//! The contract of the stores, on MongoDB.

use eventlog_store_mongodb::{Connections, Database, Events};
use eventlog_testing::contract::{Backend, trials};
use eventlog_testing::{fresh_database, server, trials_on_mongodb};
use mongodb::Client;
use mongodb::bson::{Document, doc};

struct MongoDb {
    database: mongodb::Database,
}

impl MongoDb {
    /// A client of its own, as another process would have.
    async fn open(&self) -> Database {
        let uri = server().expect("a server").uri();
        let (address, options) = uri.split_once('?').unwrap_or((uri, ""));
        let address = address.trim_end_matches('/');
        let uri = format!("{address}/{}?{options}", self.database.name());
        Database::open(&uri).await.expect("a database")
    }
}

impl Backend for MongoDb {
    type Events = Events;
    type Connections = Connections;

    async fn fresh() -> Self {
        let client = Client::with_uri_str(server().expect("a server").uri()).await.expect("a client");
        Self { database: client.database(&fresh_database()) }
    }

    async fn events(&self) -> Events {
        Events::new(&self.open().await)
    }

    async fn connections(&self) -> Connections {
        Connections::new(&self.open().await, "test")
    }

    async fn damage(&self) {
        let events = self.database.collection::<Document>("events");
        let damage = doc! { "$set": { "currentHash": "damaged" } };
        let damaged = events.find_one_and_update(doc! {}, damage).sort(doc! { "seq": -1 }).await;
        assert!(damaged.expect("an update").is_some());
    }

    async fn remove(self) {
        self.database.drop().await.expect("dropped");
    }
}

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials_on_mongodb(trials::<MongoDb>())).exit();
}
