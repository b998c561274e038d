//! Steps of write commands on the primary.

use crate::documents::filter::Filter;
use crate::documents::stored::Stored;
use crate::documents::update::Update;
use crate::failure::Failure;
use crate::replication::Position;
use crate::server::{Server, State};
use crate::sessions::{Outcome, WriteId};
use crate::storage::databases::Change;
use crate::storage::namespace::Namespace;
use crate::storage::query::{Query, Sort};

/// Writes if this member is the primary, and returns the end of the log. As in MongoDB, a majority must have all of
/// it before the reply, even if nothing was written because of a document in it.
pub(super) fn write_on_primary(
    server: &Server,
    write: impl FnOnce(&mut State) -> Result<(), Failure>,
) -> Result<Position, Failure> {
    let mut state = server.state()?;
    if !server.role.borrow().is_primary {
        return Err(Failure::not_primary(false));
    }
    write(&mut state)?;
    let position = state.replication.last();
    drop(state);
    server.writes.send_replace(());
    Ok(position)
}

/// Executes a statement, or returns its outcome if the session has executed it before.
pub(super) fn execute_once(
    state: &mut State,
    id: Option<&WriteId>,
    statement: i32,
    execute: impl FnOnce(&mut State) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    if let Some(outcome) = state.sessions.outcome(id, statement) {
        return Ok(outcome);
    }
    let before = state.replication.last().number;
    let outcome = execute(state)?;
    let number = state.replication.last().number;
    if number > before {
        state.sessions.record(id, statement, number, &outcome);
    }
    Ok(outcome)
}

/// Returns the matching documents of the primary: all of them, or the first.
pub(super) fn find_documents(
    state: &State,
    namespace: &Namespace,
    filter: &Filter,
    sort: Sort,
    is_multi: bool,
) -> Result<Vec<Stored>, Failure> {
    let limit = if is_multi { usize::MAX } else { 1 };
    let query = Query { filter: filter.clone(), sort, skip: 0, limit };
    state.replication.local.select(namespace, &query)
}

/// Updates a document. Returns the new one, and whether it differs.
pub(super) fn update_document(
    state: &mut State,
    namespace: &Namespace,
    before: &Stored,
    update: &Update,
) -> Result<(Stored, bool), Failure> {
    let after = update.apply(before)?;
    let is_changed = after.raw != before.raw;
    if is_changed {
        put_document(state, namespace, Some(before.clone()), &after)?;
    }
    Ok((after, is_changed))
}

pub(super) fn delete_document(
    state: &mut State,
    namespace: &Namespace,
    document: Stored,
) -> Result<(), Failure> {
    let (namespace, id) = (namespace.clone(), document.id.clone());
    state.replication.apply(Change::Put { namespace, id, before: Some(document), after: None })
}

/// Inserts a document, or replaces `before` by it.
pub(super) fn put_document(
    state: &mut State,
    namespace: &Namespace,
    before: Option<Stored>,
    document: &Stored,
) -> Result<(), Failure> {
    let id = document.id.clone();
    if let Some(collection) = state.replication.local.collection(namespace) {
        if before.is_none() && collection.get(&id).is_some() {
            return Err(Failure::duplicate_key(&namespace.to_string(), "_id_", &[("_id", id.to_string())]));
        }
        collection.check(namespace, document)?;
    }
    let after = Some(document.clone());
    state.replication.apply(Change::Put { namespace: namespace.clone(), id, before, after })
}
