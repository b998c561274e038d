//! findAndModify: one document, changed and answered in one step.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use super::concern::Concern;
use super::write::{change, find, on_primary, once, put, remove};
use super::{Command, boolean, document};
use crate::databases::Namespace;
use crate::documents::Stored;
use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::documents::update::Update;
use crate::failure::{Answer, Failure};
use crate::plan::Sort;
use crate::server::{Server, State};
use crate::sessions::{Outcome, WriteId};

struct FindAndModify {
    namespace: Namespace,
    asked: Document,
    filter: Filter,
    sort: Document,
    /// None removes it.
    update: Option<Update>,
    is_upsert: bool,
    answers_new: bool,
    projection: Option<Projection>,
}

const FIELDS: &[&str] =
    &["query", "sort", "update", "remove", "upsert", "new", "fields", "bypassDocumentValidation"];

pub(super) async fn run(server: &Server, command: Command) -> Answer {
    command.check_fields(FIELDS)?;
    let (concern, id) = (Concern::of(&command.body)?, WriteId::of(&command.body)?);
    let id = id.as_ref();
    let parsed = FindAndModify::parse(&command)?;
    let mut reply = Document::new();
    let position = on_primary(server, |state| {
        state.sessions.begin(id)?;
        reply = once(state, id, 0, |state| parsed.execute(state))?.reply.unwrap_or_default();
        Ok(())
    })?;
    concern.fulfil(server, position, reply, id).await
}

impl FindAndModify {
    fn parse(command: &Command) -> Result<Self, Failure> {
        let body = &command.body;
        let asked = document(body, "query")?;
        let update = match (body.get("update"), boolean(body, "remove", false)?) {
            (Some(update), false) => Some(Update::parse(update)?),
            (None, true) => None,
            _ => return Err(Failure::bad_value("either an update or remove: true")),
        };
        Ok(Self {
            namespace: command.namespace()?,
            filter: Filter::parse(&asked)?,
            asked,
            sort: document(body, "sort")?,
            update,
            is_upsert: boolean(body, "upsert", false)?,
            answers_new: boolean(body, "new", false)?,
            projection: Projection::parse(&document(body, "fields")?)?,
        })
    }

    fn execute(&self, state: &mut State) -> Result<Outcome, Failure> {
        let found = find(state, &self.namespace, &self.filter, Sort::parse(&self.sort)?, false)?;
        let found = found.into_iter().next();
        let mut last = doc! { "n": i32::from(found.is_some()) };
        let value = match (&self.update, found) {
            (None, None) => None,
            (None, Some(document)) => {
                remove(state, &self.namespace, document.clone())?;
                Some(document)
            }
            (Some(update), Some(before)) => {
                last.insert("updatedExisting", true);
                let (after, _) = change(state, &self.namespace, &before, update)?;
                Some(if self.answers_new { after } else { before })
            }
            (Some(update), None) if self.is_upsert => {
                let document = update.insertion(&self.filter, &self.asked)?;
                put(state, &self.namespace, None, &document)?;
                last.extend(doc! { "n": 1, "updatedExisting": false, "upserted": document.id_value()? });
                self.answers_new.then_some(document)
            }
            (Some(_), None) => {
                last.insert("updatedExisting", false);
                None
            }
        };
        let value = value.map_or(Ok(Bson::Null), |document| self.shown(&document))?;
        let reply = doc! { "lastErrorObject": last, "value": value };
        Ok(Outcome { reply: Some(reply), ..Outcome::default() })
    }

    fn shown(&self, document: &Stored) -> Result<Bson, Failure> {
        let shown: Option<RawDocumentBuf> =
            self.projection.as_ref().map(|projection| projection.apply(&document.raw)).transpose()?;
        Ok(Bson::Document(Document::try_from(shown.as_ref().unwrap_or(&document.raw))?))
    }
}
