//! Tests of the FerretDB that tests start.

use eventlog_testing::{FerretDb, trial, trials_on_ferretdb, within};
use libtest_mimic::Arguments;
use mongodb::bson::{Document, doc};
use mongodb::{Client, IndexModel};

fn main() {
    let trials = vec![trial(
        "create_indexes_succeeds_if_several_indexes_exist",
        create_indexes_succeeds_if_several_indexes_exist,
    )];
    libtest_mimic::run(&Arguments::from_args(), trials_on_ferretdb(trials)).exit();
}

/// Without its patch FerretDB 1.24.2 panics at the second command.
async fn create_indexes_succeeds_if_several_indexes_exist() {
    let server = FerretDb::start().expect("a FerretDB");
    let client = Client::with_uri_str(server.uri()).await.expect("a client");
    let events = client.database("test").collection::<Document>("events");
    for fields in [&["a", "b", "c"][..], &["a", "b", "c"], &["a", "b", "new", "c"]] {
        let indexes = fields.iter().map(|field| IndexModel::builder().keys(doc! { *field: 1 }).build());
        within("createIndexes", events.create_indexes(indexes).into_future()).await.expect("indexes");
    }
    let mut names = within("listIndexes", events.list_index_names().into_future()).await.expect("names");
    names.sort();
    assert_eq!(names, ["_id_", "a_1", "b_1", "c_1", "new_1"]);
    client.shutdown().await;
}
