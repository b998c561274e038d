//! Queries: filter, order and bounds.

use mongodb::bson::{Bson, Document};

use crate::documents::filter::Filter;
use crate::documents::key::Key;
use crate::documents::stored::Stored;
use crate::failure::Failure;

/// A query on one collection.
pub(crate) struct Query {
    pub(crate) filter: Filter,
    pub(crate) sort: Sort,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

/// Sort fields, each with a flag for descending order.
#[derive(Default)]
pub(crate) struct Sort(Vec<(String, bool)>);

impl Sort {
    pub(crate) fn parse(sort: &Document) -> Result<Self, Failure> {
        let field = |(name, direction): (&String, &Bson)| match direction {
            Bson::Int32(1) | Bson::Int64(1) => Ok((name.clone(), false)),
            Bson::Int32(-1) | Bson::Int64(-1) => Ok((name.clone(), true)),
            _ => Err(Failure::not_simulated(format!("a sort on {name} by {direction}"))),
        };
        sort.iter().map(field).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn apply(&self, documents: &mut Vec<Stored>) -> Result<(), Failure> {
        if self.0.is_empty() {
            return Ok(());
        }
        let values = |document: Stored| {
            let values = self.0.iter().map(|(field, _)| Key::at(&document.raw, field));
            Ok((values.collect::<Result<Vec<_>, Failure>>()?, document))
        };
        let mut keyed = documents.drain(..).map(values).collect::<Result<Vec<_>, Failure>>()?;
        keyed.sort_by(|(a, _), (b, _)| {
            let orders = self.0.iter().zip(a.iter().zip(b));
            let mut orders =
                orders.map(|((_, descending), (a, b))| if *descending { b.cmp(a) } else { a.cmp(b) });
            orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        documents.extend(keyed.into_iter().map(|(_, document)| document));
        Ok(())
    }

    /// Returns whether reading along `fields` has to run backwards for this order, or `None` if neither direction
    /// gives it. The first `fixed` fields have one value each.
    pub(crate) fn reads_backwards(&self, fields: &[&str], fixed: usize) -> Option<bool> {
        let (fixed, free) = fields.split_at(fixed);
        let wanted: Vec<_> = self.0.iter().filter(|(name, _)| !fixed.contains(&name.as_str())).collect();
        let backwards = wanted.first().is_some_and(|(_, descending)| *descending);
        let along =
            wanted.len() <= free.len() && wanted.iter().zip(free).all(|((name, _), field)| name == field);
        (along && wanted.iter().all(|(_, descending)| *descending == backwards)).then_some(backwards)
    }
}
