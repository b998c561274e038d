//! Change streams on one collection. They contain only inserts, from when majority reads see them.

use mongodb::bson::{Bson, Document, RawDocumentBuf, Timestamp, doc};

use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::failure::Failure;
use crate::replication::{Operation, Position, Replication};
use crate::storage::databases::Change;
use crate::storage::namespace::Namespace;

/// An open change stream.
#[derive(Clone)]
pub(crate) struct ChangeStream {
    pub(crate) namespace: Namespace,
    /// The position of the last operation that was returned.
    position: Position,
    stages: Vec<Stage>,
}

#[derive(Clone)]
enum Stage {
    Match(Filter),
    Project(Option<Projection>),
}

impl ChangeStream {
    pub(crate) fn open(
        namespace: Namespace,
        pipeline: &[Bson],
        replication: &Replication,
    ) -> Result<Self, Failure> {
        let stages = pipeline.iter().map(|stage| match stage {
            Bson::Document(stage) if stage.len() == 1 => Ok(stage),
            _ => Err(Failure::bad_value("a pipeline stage must be a document with one field")),
        });
        let mut stages = stages.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        let options = match stages.next() {
            Some((name, Bson::Document(options))) if name == "$changeStream" => options,
            _ => return Err(Failure::not_simulated("an aggregation without $changeStream")),
        };
        let mut position = replication.last();
        for (name, value) in options {
            match (name.as_str(), value) {
                ("resumeAfter" | "startAfter", Bson::Document(token)) => position = parse_token(token)?,
                ("fullDocument", Bson::String(_)) => {}
                _ => return Err(Failure::not_simulated(format!("$changeStream with {name}: {value}"))),
            }
        }
        let stages = stages.map(|(name, value)| match (name.as_str(), value) {
            ("$match", Bson::Document(filter)) => Filter::parse(filter).map(Stage::Match),
            ("$project", Bson::Document(projection)) => Projection::parse(projection).map(Stage::Project),
            _ => Err(Failure::not_simulated(format!("the stage {name} of a change stream"))),
        });
        Ok(Self { namespace, position, stages: stages.collect::<Result<_, _>>()? })
    }

    /// Returns the events since the last batch, at most `size`.
    pub(crate) fn next_batch(
        &mut self,
        replication: &Replication,
        size: usize,
    ) -> Result<Vec<RawDocumentBuf>, Failure> {
        let mut number = replication.last_kept(self.position);
        let mut batch = Vec::new();
        for (next, operation) in replication.visible_after(number)? {
            if batch.len() >= size {
                break;
            }
            number = next;
            batch.extend(self.event(Position { term: replication.term(), number }, operation)?);
        }
        self.position = Position { term: replication.term(), number };
        Ok(batch)
    }

    /// Returns a token that resumes after the last batch.
    pub(crate) fn resume_token(&self) -> Document {
        format_token(self.position)
    }

    fn event(&self, position: Position, operation: &Operation) -> Result<Option<RawDocumentBuf>, Failure> {
        let Change::Put { namespace, before: None, after: Some(document), .. } = &operation.change else {
            return Ok(None);
        };
        if *namespace != self.namespace {
            return Ok(None);
        }
        let millis = operation.time.timestamp_millis();
        let time = u32::try_from(millis / 1000).unwrap_or(u32::MAX);
        let event = doc! {
            "_id": format_token(position),
            "operationType": "insert",
            "clusterTime": Timestamp { time, increment: 1 },
            "wallTime": operation.time,
            "fullDocument": Document::try_from(&**document.raw)?,
            "ns": { "db": namespace.database(), "coll": namespace.collection() },
            "documentKey": { "_id": document.id_value()? },
        };
        let mut event = RawDocumentBuf::try_from(&event)?;
        for stage in &self.stages {
            match stage {
                Stage::Match(filter) if !filter.matches(&event)? => return Ok(None),
                Stage::Project(Some(projection)) => event = projection.apply(&event)?,
                _ => {}
            }
        }
        Ok(Some(event))
    }
}

fn format_token(Position { term, number }: Position) -> Document {
    doc! { "_data": format!("{term:08x}{number:016x}") }
}

fn parse_token(token: &Document) -> Result<Position, Failure> {
    let position = || {
        let (term, number) = token.get_str("_data").ok()?.split_at_checked(8)?;
        let term = usize::from_str_radix(term, 16).ok()?;
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(Position { term, number })
    };
    position().ok_or_else(|| Failure::bad_value("invalid resume token"))
}
