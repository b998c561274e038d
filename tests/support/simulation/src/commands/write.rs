//! insert, update and delete.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use super::command::{Command, boolean, check_fields, count, document};
use super::concern::Concern;
use super::primary::{
    delete_document, execute_once, find_documents, put_document, update_document, write_on_primary,
};
use crate::documents::filter::Filter;
use crate::documents::stored::Stored;
use crate::documents::update::Update;
use crate::failure::{CommandResult, Failure};
use crate::server::{Server, State};
use crate::sessions::{Outcome, WriteId};
use crate::storage::namespace::Namespace;
use crate::storage::query::Sort;

/// Maximum number of statements of a write command.
pub(super) const MAX_STATEMENTS: i32 = 100_000;

/// One statement of a write command.
enum Statement {
    Insert(Stored),
    Update { filter: Filter, query: Document, update: Update, is_upsert: bool, is_multi: bool },
    Delete { filter: Filter, is_multi: bool },
}

pub(super) async fn insert(server: &Server, mut command: Command) -> CommandResult {
    command.check_fields(&["documents", "ordered", "bypassDocumentValidation"])?;
    let documents = command.take_documents("documents")?.into_iter();
    let statements = documents.map(|document| Stored::new(document).map(Statement::Insert));
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

pub(super) async fn update(server: &Server, mut command: Command) -> CommandResult {
    command.check_fields(&["updates", "ordered", "bypassDocumentValidation"])?;
    let statements = command.take_documents("updates")?.into_iter().map(parse_update);
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

pub(super) async fn delete(server: &Server, mut command: Command) -> CommandResult {
    command.check_fields(&["deletes", "ordered"])?;
    let statements = command.take_documents("deletes")?.into_iter().map(parse_delete);
    write(server, &command, statements.collect::<Result<_, _>>()?).await
}

fn parse_update(statement: RawDocumentBuf) -> Result<Statement, Failure> {
    let statement = Document::try_from(&statement)?;
    let names = statement.keys().map(String::as_str);
    check_fields("update.updates", names, &["q", "u", "upsert", "multi"])?;
    let query = document(&statement, "q")?;
    let filter = Filter::parse(&query)?;
    let update = Update::parse(statement.get("u").unwrap_or(&Bson::Null))?;
    let is_upsert = boolean(&statement, "upsert", false)?;
    let is_multi = boolean(&statement, "multi", false)?;
    if is_multi && update.is_replacement() {
        return Err(Failure::bad_value("a replacement must not be multi"));
    }
    Ok(Statement::Update { filter, query, update, is_upsert, is_multi })
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

async fn write(server: &Server, command: &Command, statements: Vec<Statement>) -> CommandResult {
    let namespace = command.namespace()?;
    let is_ordered = boolean(&command.body, "ordered", true)?;
    if statements.is_empty() || statements.len() > MAX_STATEMENTS as usize {
        return Err(Failure::bad_value(format!("unsupported number of statements: {}", statements.len())));
    }
    let concern = Concern::parse(&command.body)?;
    let id = WriteId::parse(&command.body)?;
    let id = id.as_ref();
    let (mut n, mut modified, mut upserted, mut errors) = (0, 0, Vec::new(), Vec::new());
    let position = write_on_primary(server, |state| {
        state.sessions.begin(id)?;
        for (index, statement) in (0..).zip(&statements) {
            match execute_once(state, id, index, |state| execute(state, &namespace, statement)) {
                Ok(outcome) => {
                    n += outcome.n;
                    modified += outcome.modified;
                    upserted.extend(outcome.upserted.map(|id| doc! { "index": index, "_id": id }));
                }
                Err(failure) if failure.is_statement_failure() => {
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
    concern.wait(server, position, reply, id).await
}

fn execute(state: &mut State, namespace: &Namespace, statement: &Statement) -> Result<Outcome, Failure> {
    match statement {
        Statement::Insert(document) => {
            put_document(state, namespace, None, document)?;
            Ok(Outcome { n: 1, ..Outcome::default() })
        }
        Statement::Update { filter, query, update, is_upsert, is_multi } => {
            let found = find_documents(state, namespace, filter, Sort::default(), *is_multi)?;
            if found.is_empty() && *is_upsert {
                let document = update.build_upsert(filter, query)?;
                put_document(state, namespace, None, &document)?;
                return Ok(Outcome { n: 1, upserted: Some(document.id_value()?), ..Outcome::default() });
            }
            let mut outcome = Outcome::default();
            for before in found {
                outcome.n += 1;
                outcome.modified += i32::from(update_document(state, namespace, &before, update)?.1);
            }
            Ok(outcome)
        }
        Statement::Delete { filter, is_multi } => {
            let found = find_documents(state, namespace, filter, Sort::default(), *is_multi)?;
            let mut outcome = Outcome::default();
            for document in found {
                outcome.n += 1;
                delete_document(state, namespace, document)?;
            }
            Ok(outcome)
        }
    }
}
