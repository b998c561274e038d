//! The contract of the stores, on MongoDB.

mod on_server;

use eventlog_testing::contract::trials;
use eventlog_testing::{server, trials_on_mongodb};
use on_server::{OnServer, Server};

struct MongoDb;

impl Server for MongoDb {
    fn uri() -> String {
        server().expect("a server").uri().to_owned()
    }
}

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials_on_mongodb(trials::<OnServer<MongoDb>>())).exit();
}
