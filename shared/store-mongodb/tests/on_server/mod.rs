//! The stores on a database of some server, for the contract suite.

use std::marker::PhantomData;
use std::sync::Mutex;

use eventlog_store_mongodb::{Connections, Database, Events};
use eventlog_testing::contract::Backend;
use eventlog_testing::fresh_database;
use mongodb::Client;
use mongodb::bson::{Document, doc};

/// A server.
pub(crate) trait Server: Send + Sync + 'static {
    /// Connection string without a database.
    fn uri() -> String;
}

/// One empty database on a server.
pub(crate) struct OnServer<S> {
    database: mongodb::Database,
    opened: Mutex<Vec<Database>>,
    server: PhantomData<S>,
}

impl<S: Server> OnServer<S> {
    /// A client of its own, as another process would have.
    async fn open(&self) -> Database {
        let uri = S::uri();
        let (address, options) = uri.split_once('?').unwrap_or((&uri, ""));
        let address = address.trim_end_matches('/');
        let uri = format!("{address}/{}?{options}", self.database.name());
        let database = Database::open(&uri).await.expect("a database");
        self.opened.lock().expect("no panic").push(database.clone());
        database
    }
}

impl<S: Server> Backend for OnServer<S> {
    type Events = Events;
    type Connections = Connections;

    async fn fresh() -> Self {
        let client = Client::with_uri_str(S::uri()).await.expect("a client");
        Self { database: client.database(&fresh_database()), opened: Mutex::default(), server: PhantomData }
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
        // A client that is dropped as its runtime ends panics.
        for database in self.opened.into_inner().expect("no panic") {
            database.close().await;
        }
        self.database.drop().await.expect("dropped");
        self.database.client().clone().shutdown().await;
    }
}
