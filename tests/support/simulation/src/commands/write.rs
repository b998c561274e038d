//! insert, update and delete.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use super::concern::Concern;
use super::{Command, MAX_STATEMENTS, boolean, check_fields, count, document};
use crate::databases::Namespace;
use crate::documents::Stored;
use crate::documents::filter::Filter;
use crate::documents::update::Update;
use crate::failure::{Answer, Failure};
use crate::plan::{Query, Sort};
use crate::replication::{Change, Position};
use crate::server::{Server, State};
use crate::sessions::{Outcome, WriteId};

/// One statement of a write command.
enum Statement {
    Insert(Stored),
    Update { filter: Filter, asked: Document, update: Update, is_upsert: bool, is_multi: bool },
    Delete { filter: Filter, is_multi: bool },
}

pub(super) async fn insert(server: &Server, mut command: Command) -> Answer {
    command.check_fields(&["documents", "ordered", "bypassDocumentValidation"])?;
    let documents = command.documents("documents")?.into_iter();
    let statements = documents.map(|document| Stored::new(document).map(Statement::Insert));
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

pub(super) async fn update(server: &Server, mut command: Command) -> Answer {
    command.check_fields(&["updates", "ordered", "bypassDocumentValidation"])?;
    let statements = command.documents("updates")?.into_iter().map(parse_update);
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

pub(super) async fn delete(server: &Server, mut command: Command) -> Answer {
    command.check_fields(&["deletes", "ordered"])?;
    let statements = command.documents("deletes")?.into_iter().map(parse_delete);
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

fn parse_update(statement: RawDocumentBuf) -> Result<Statement, Failure> {
    let statement = Document::try_from(&statement)?;
    let names = statement.keys().map(String::as_str);
    check_fields("update.updates", names, &["q", "u", "upsert", "multi"])?;
    let asked = document(&statement, "q")?;
    let filter = Filter::parse(&asked)?;
    let update = Update::parse(statement.get("u").unwrap_or(&Bson::Null))?;
    let is_upsert = boolean(&statement, "upsert", false)?;
    let is_multi = boolean(&statement, "multi", false)?;
    if is_multi && update.is_replacement() {
        return Err(Failure::bad_value("a replacement of many documents"));
    }
    Ok(Statement::Update { filter, asked, update, is_upsert, is_multi })
}

fn parse_delete(statement: RawDocumentBuf) -> Result<Statement, Failure> {
    let statement = Document::try_from(&statement)?;
    check_fields("delete.deletes", statement.keys().map(String::as_str), &["q", "limit"])?;
    let filter = Filter::parse(&document(&statement, "q")?)?;
    match count(&statement, "limit")? {
        Some(0) => Ok(Statement::Delete { filter, is_multi: true }),
        Some(1) => Ok(Statement::Delete { filter, is_multi: false }),
        _ => Err(Failure::bad_value("the limit of a delete must be 0 or 1")),
    }
}

async fn write(server: &Server, command: &Command, statements: Vec<Statement>) -> Answer {
    let namespace = command.namespace()?;
    let is_ordered = boolean(&command.body, "ordered", true)?;
    if statements.is_empty() || statements.len() > MAX_STATEMENTS as usize {
        return Err(Failure::bad_value(format!("{} statements", statements.len())));
    }
    let concern = Concern::of(&command.body)?;
    let id = WriteId::of(&command.body)?;
    let id = id.as_ref();
    let (mut n, mut modified, mut upserted, mut errors) = (0, 0, Vec::new(), Vec::new());
    let position = on_primary(server, |state| {
        state.sessions.begin(id)?;
        for (index, statement) in (0..).zip(&statements) {
            match once(state, id, index, |state| execute(state, &namespace, statement)) {
                Ok(outcome) => {
                    n += outcome.n;
                    modified += outcome.modified;
                    upserted.extend(outcome.upserted.map(|id| doc! { "index": index, "_id": id }));
                }
                Err(failure) if failure.is_of_a_statement() => {
                    errors.push(failure.write_error(index));
                    if is_ordered {
                        break;
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    })?;
    let mut reply = doc! { "n": n };
    if matches!(statements[0], Statement::Update { .. }) {
        reply.insert("nModified", modified);
    }
    for (name, documents) in [("upserted", upserted), ("writeErrors", errors)] {
        if !documents.is_empty() {
            reply.insert(name, documents);
        }
    }
    concern.fulfil(server, position, reply, id).await
}

/// Writes, if this is the primary. Answers the end of the log then: what a majority must have, as in MongoDB,
/// even if nothing was written because of what stands there.
pub(super) fn on_primary(
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

/// Executes a statement, unless it was already when the command came before.
pub(super) fn once(
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

fn execute(state: &mut State, namespace: &Namespace, statement: &Statement) -> Result<Outcome, Failure> {
    match statement {
        Statement::Insert(document) => {
            put(state, namespace, None, document)?;
            Ok(Outcome { n: 1, ..Outcome::default() })
        }
        Statement::Update { filter, asked, update, is_upsert, is_multi } => {
            let found = find(state, namespace, filter, Sort::default(), *is_multi)?;
            if found.is_empty() && *is_upsert {
                let document = update.insertion(filter, asked)?;
                put(state, namespace, None, &document)?;
                return Ok(Outcome { n: 1, upserted: Some(document.id_value()?), ..Outcome::default() });
            }
            let mut outcome = Outcome::default();
            for before in found {
                outcome.n += 1;
                outcome.modified += i32::from(change(state, namespace, &before, update)?.1);
            }
            Ok(outcome)
        }
        Statement::Delete { filter, is_multi } => {
            let found = find(state, namespace, filter, Sort::default(), *is_multi)?;
            let mut outcome = Outcome::default();
            for document in found {
                outcome.n += 1;
                remove(state, namespace, document)?;
            }
            Ok(outcome)
        }
    }
}

/// What stands on the primary now: all, or the first.
pub(super) fn find(
    state: &State,
    namespace: &Namespace,
    filter: &Filter,
    sort: Sort,
    is_multi: bool,
) -> Result<Vec<Stored>, Failure> {
    let limit = if is_multi { usize::MAX } else { 1 };
    let query = Query { filter: filter.clone(), sort, skip: 0, limit };
    state.replication.local.collection(namespace).map_or(Ok(Vec::new()), |found| found.select(&query))
}

/// Updates one document. Answers it, and whether it is another now.
pub(super) fn change(
    state: &mut State,
    namespace: &Namespace,
    before: &Stored,
    update: &Update,
) -> Result<(Stored, bool), Failure> {
    let after = update.apply(before)?;
    let is_changed = after.raw != before.raw;
    if is_changed {
        put(state, namespace, Some(before.clone()), &after)?;
    }
    Ok((after, is_changed))
}

pub(super) fn remove(state: &mut State, namespace: &Namespace, document: Stored) -> Result<(), Failure> {
    let (namespace, id) = (namespace.clone(), document.id.clone());
    state.replication.apply(Change::Put { namespace, id, before: Some(document), after: None })
}

/// Puts a document in the place of another, or in none.
pub(super) fn put(
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
