//! Change streams on one collection. They show inserts, once majority reads see them, and nothing else.

use mongodb::bson::{Bson, Document, RawDocumentBuf, Timestamp, doc};

use crate::databases::Namespace;
use crate::documents::filter::Filter;
use crate::documents::projection::Projection;
use crate::failure::Failure;
use crate::replication::{Change, Operation, Position, Replication};

/// A change stream that is open.
#[derive(Clone)]
pub(crate) struct ChangeStream {
    pub(crate) namespace: Namespace,
    /// What comes after it is still to be shown.
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
            _ => Err(Failure::bad_value("a stage of a pipeline must be a document with one field")),
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

    /// The events that came since the last call, at most so many.
    pub(crate) fn batch(
        &mut self,
        replication: &Replication,
        size: usize,
    ) -> Result<Vec<RawDocumentBuf>, Failure> {
        let mut number = replication.surviving(self.position);
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

    /// Resumes after all that was shown.
    pub(crate) fn token(&self) -> Document {
        token(self.position)
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
            "_id": token(position),
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

fn token(Position { term, number }: Position) -> Document {
    doc! { "_data": format!("{term:08x}{number:016x}") }
}

fn parse_token(token: &Document) -> Result<Position, Failure> {
    let position = || {
        let (term, number) = token.get_str("_data").ok()?.split_at_checked(8)?;
        let term = usize::from_str_radix(term, 16).ok()?;
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(Position { term, number })
    };
    position().ok_or_else(|| Failure::bad_value("not a resume token of this server"))
}
