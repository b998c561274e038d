//! The contract of the stores, on MongoDB, and on FerretDB: an independent server, without change streams.

mod on_server;

use std::sync::{Mutex, PoisonError};

use eventlog_testing::contract::trials;
use eventlog_testing::{FerretDb, server, trials_on_ferretdb, trials_on_mongodb};
use on_server::{OnServer, Server};

struct MongoDb;

impl Server for MongoDb {
    fn uri() -> String {
        server().expect("a server").uri().to_owned()
    }
}

struct OnDisk;

/// Started by the first who needs it, stopped at the end.
static FERRETDB: Mutex<Option<FerretDb>> = Mutex::new(None);

impl Server for OnDisk {
    fn uri() -> String {
        let mut ferretdb = FERRETDB.lock().unwrap_or_else(PoisonError::into_inner);
        ferretdb.get_or_insert_with(|| FerretDb::start().expect("a FerretDB")).uri()
    }
}

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let mut all = trials_on_mongodb(trials::<OnServer<MongoDb>>());
    all.extend(trials_on_ferretdb(trials::<OnServer<OnDisk>>()));
    let conclusion = libtest_mimic::run(&arguments, all);
    drop(FERRETDB.lock().unwrap_or_else(PoisonError::into_inner).take());
    conclusion.exit();
}
