//! The contract of the stores, on SQLite.

use eventlog_store_sqlite::{Connections, Durability, Events};
use eventlog_testing::contract::{Backend, trials};
use tempfile::TempDir;

struct Sqlite(TempDir);

impl Backend for Sqlite {
    type Events = Events;
    type Connections = Connections;

    async fn fresh() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    async fn events(&self) -> Events {
        Events::open(self.0.path(), Durability::Process).expect("a log")
    }

    async fn connections(&self) -> Connections {
        Connections::open().expect("a store")
    }

    async fn damage(&self) {
        let database = rusqlite::Connection::open(self.0.path().join("events.db")).expect("a database");
        let sql = "UPDATE events SET currentHash = 'damaged' WHERE seq = (SELECT max(seq) FROM events)";
        assert_eq!(database.execute(sql, []).expect("an update"), 1);
    }

    async fn remove(self) {}
}

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials::<Sqlite>()).exit();
}
