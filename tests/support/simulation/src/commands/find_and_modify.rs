//! findAndModify: changes one document and returns it.

use mongodb::bson::{Bson, Document, doc};

use super::command::{Command, boolean, document};
use super::concern::Concern;
use super::primary::{
    delete_document, execute_once, find_documents, put_document, update_document, write_on_primary,
};
use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::documents::stored::Stored;
use crate::documents::update::Update;
use crate::failure::{CommandResult, Failure};
use crate::server::{Server, State};
use crate::sessions::{Outcome, WriteId};
use crate::storage::namespace::Namespace;
use crate::storage::query::Sort;

struct FindAndModify {
    namespace: Namespace,
    query: Document,
    filter: Filter,
    sort: Document,
    /// `None` deletes the document.
    update: Option<Update>,
    is_upsert: bool,
    returns_new: bool,
    projection: Option<Projection>,
}

const FIELDS: &[&str] =
    &["query", "sort", "update", "remove", "upsert", "new", "fields", "bypassDocumentValidation"];

pub(super) async fn run(server: &Server, command: Command) -> CommandResult {
    command.check_fields(FIELDS)?;
    let (concern, id) = (Concern::parse(&command.body)?, WriteId::parse(&command.body)?);
    let id = id.as_ref();
    let parsed = FindAndModify::parse(&command)?;
    let mut reply = Document::new();
    let position = write_on_primary(server, |state| {
        state.sessions.begin(id)?;
        reply = execute_once(state, id, 0, |state| parsed.execute(state))?.reply.unwrap_or_default();
        Ok(())
    })?;
    concern.wait(server, position, reply, id).await
}

impl FindAndModify {
    fn parse(command: &Command) -> Result<Self, Failure> {
        let body = &command.body;
        let query = document(body, "query")?;
        let update = match (body.get("update"), boolean(body, "remove", false)?) {
            (Some(update), false) => Some(Update::parse(update)?),
            (None, true) => None,
            _ => return Err(Failure::bad_value("findAndModify needs either an update or remove: true")),
        };
        Ok(Self {
            namespace: command.namespace()?,
            filter: Filter::parse(&query)?,
            query,
            sort: document(body, "sort")?,
            update,
            is_upsert: boolean(body, "upsert", false)?,
            returns_new: boolean(body, "new", false)?,
            projection: Projection::parse(&document(body, "fields")?)?,
        })
    }

    fn execute(&self, state: &mut State) -> Result<Outcome, Failure> {
        let found = find_documents(state, &self.namespace, &self.filter, Sort::parse(&self.sort)?, false)?;
        let found = found.into_iter().next();
        let mut last = doc! { "n": i32::from(found.is_some()) };
        let value = match (&self.update, found) {
            (None, None) => None,
            (None, Some(document)) => {
                delete_document(state, &self.namespace, document.clone())?;
                Some(document)
            }
            (Some(update), Some(before)) => {
                last.insert("updatedExisting", true);
                let (after, _) = update_document(state, &self.namespace, &before, update)?;
                Some(if self.returns_new { after } else { before })
            }
            (Some(update), None) if self.is_upsert => {
                let document = update.build_upsert(&self.filter, &self.query)?;
                put_document(state, &self.namespace, None, &document)?;
                last.extend(doc! { "n": 1, "updatedExisting": false, "upserted": document.id_value()? });
                self.returns_new.then_some(document)
            }
            (Some(_), None) => {
                last.insert("updatedExisting", false);
                None
            }
        };
        let value = value.map_or(Ok(Bson::Null), |document| self.project(&document))?;
        let reply = doc! { "lastErrorObject": last, "value": value };
        Ok(Outcome { reply: Some(reply), ..Outcome::default() })
    }

    fn project(&self, document: &Stored) -> Result<Bson, Failure> {
        let projected = Projection::apply_if_some(self.projection.as_ref(), &document.raw)?;
        Ok(Bson::Document(Document::try_from(&*projected)?))
    }
}
