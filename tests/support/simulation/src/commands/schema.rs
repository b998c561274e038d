//! createIndexes and dropDatabase.

use mongodb::bson::{Bson, Document, doc};

use super::command::{Command, boolean, check_fields, document};
use super::concern::Concern;
use super::primary::write_on_primary;
use crate::failure::{CommandResult, Failure};
use crate::server::{Server, State};
use crate::storage::databases::Change;
use crate::storage::index::IndexSpec;
use crate::storage::query::Sort;

pub(super) async fn create_indexes(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&["indexes"])?;
    let (namespace, concern) = (command.namespace()?, Concern::parse(&command.body)?);
    let specs = command.array("indexes")?.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let (mut before, mut after) = (0, 0);
    let position = write_on_primary(server, |state| {
        let indexes = |state: &State| state.replication.local.indexes(&namespace).len() + 1;
        before = indexes(state);
        for spec in specs {
            let same = state.replication.local.indexes(&namespace).iter();
            match same.map(|index| &index.spec).find(|same| same.name == spec.name) {
                Some(same) if *same == spec => {}
                Some(_) => return Err(Failure::index_differs(&spec.name)),
                None => {
                    let namespace = namespace.clone();
                    state.replication.apply(Change::Index { namespace, spec })?;
                }
            }
        }
        after = indexes(state);
        Ok(())
    })?;
    // Both counts include the index on `_id`.
    let reply = doc! { "numIndexesBefore": before as i64, "numIndexesAfter": after as i64 };
    concern.wait(server, position, reply, None).await
}

fn parse(index: &Bson) -> Result<IndexSpec, Failure> {
    let Bson::Document(index) = index else {
        return Err(Failure::bad_value("an index must be a document"));
    };
    check_fields("createIndexes.indexes", index.keys().map(String::as_str), &["v", "key", "name", "unique"])?;
    let key: Document = document(index, "key")?;
    // Checks the directions, which are not kept.
    Sort::parse(&key)?;
    let name = index.get_str("name").map_err(|_| Failure::bad_value("an index without a name"))?;
    let fields: Vec<_> = key.keys().cloned().collect();
    if fields.is_empty() || fields.iter().any(|field| field == "_id") {
        return Err(Failure::not_simulated("an index without fields, or with _id"));
    }
    Ok(IndexSpec { name: name.to_owned(), fields, unique: boolean(index, "unique", false)? })
}

pub(super) async fn drop_database(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&[])?;
    let (database, concern) = (command.database()?.to_owned(), Concern::parse(&command.body)?);
    let position = write_on_primary(server, |state| {
        let before = state.replication.local.database(&database);
        if before.is_empty() {
            return Ok(());
        }
        state.replication.apply(Change::Drop { database: database.clone(), before })
    })?;
    concern.wait(server, position, doc! { "dropped": database }, None).await
}
