//! How a query is answered: from ids, or along the index that narrows it down the most.

use std::collections::BTreeSet;
use std::ops::Bound;

use mongodb::bson::{Bson, Document};

use crate::collection::Collection;
use crate::documents::Stored;
use crate::documents::filter::{Filter, Test};
use crate::documents::key::Key;
use crate::failure::Failure;

/// Which documents, and in which order.
pub(crate) struct Query {
    pub(crate) filter: Filter,
    pub(crate) sort: Sort,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

/// Fields, and whether each is in descending order.
#[derive(Default)]
pub(crate) struct Sort(Vec<(String, bool)>);

/// How to find what a query asks for, and perhaps more.
pub(crate) struct Plan {
    pub(crate) source: Source,
    /// Whether it is found in the order asked for.
    pub(crate) is_sorted: bool,
    pub(crate) is_backwards: bool,
}

/// From where, and in which bounds.
pub(crate) enum Source {
    Ids(BTreeSet<Key>),
    Documents(Bound<Key>, Bound<Key>),
    /// The index at this position; the first bound is included, the last is not.
    Index(usize, Vec<Key>, Vec<Key>),
}

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

    /// Whether reading along `fields`, of which the first `fixed` have one value each, gives this order, and
    /// whether backwards.
    fn is_order_of(&self, fields: &[&str], fixed: usize) -> Option<bool> {
        let (fixed, free) = fields.split_at(fixed);
        let wanted: Vec<_> = self.0.iter().filter(|(name, _)| !fixed.contains(&name.as_str())).collect();
        let backwards = wanted.first().is_some_and(|(_, descending)| *descending);
        let along =
            wanted.len() <= free.len() && wanted.iter().zip(free).all(|((name, _), field)| name == field);
        (along && wanted.iter().all(|(_, descending)| *descending == backwards)).then_some(backwards)
    }
}

/// The narrowest range of one value that the tests on it allow.
#[derive(Default)]
struct Range {
    low: Option<Key>,
    high: Option<Key>,
}

impl Range {
    fn of(filter: &Filter, field: &str) -> Self {
        let mut range = Self::default();
        for (_, test) in filter.tests.iter().filter(|(path, _)| path == field) {
            let (low, high) = match test {
                Test::Eq(key) => (Some(key), Some(key)),
                Test::Gt(key) | Test::Gte(key) => (Some(key), None),
                Test::Lt(key) | Test::Lte(key) => (None, Some(key)),
                Test::In(keys) => (keys.first(), keys.last()),
                Test::Ne(_) | Test::Nin(_) | Test::Exists(_) => (None, None),
            };
            range.low = range.low.max(low.cloned());
            range.high = match (range.high, high.cloned()) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        range
    }

    fn one(&self) -> Option<&Key> {
        self.low.as_ref().filter(|low| Some(*low) == self.high.as_ref())
    }
}

impl Plan {
    pub(crate) fn of(collection: &Collection, query: &Query) -> Self {
        let mut best = Self::by_id(query);
        for (position, index) in collection.indexes.iter().enumerate() {
            let fields = index.spec.fields.iter().map(String::as_str).chain(["_id"]).collect::<Vec<_>>();
            let candidate = Self::by_index(query, position, &fields);
            if candidate.0 > best.0 {
                best = candidate;
            }
        }
        best.1
    }

    /// How much a plan narrows a search down, and the plan.
    fn by_id(query: &Query) -> (usize, Self) {
        let ids =
            query.filter.tests.iter().filter(|(path, _)| path == "_id").find_map(|(_, test)| match test {
                Test::Eq(id) => Some(BTreeSet::from([id.clone()])),
                Test::In(ids) => Some(ids.clone()),
                _ => None,
            });
        let order = query.sort.is_order_of(&["_id"], 0);
        let (is_sorted, is_backwards) = (order.is_some(), order == Some(true));
        if let Some(ids) = ids {
            return (usize::MAX, Self { source: Source::Ids(ids), is_sorted, is_backwards });
        }
        let Range { low, high } = Range::of(&query.filter, "_id");
        let score = 2 * usize::from(low.is_some() || high.is_some()) + usize::from(is_sorted);
        let source = match (low, high) {
            // Such bounds are no range at all.
            (Some(low), Some(high)) if low > high => Source::Ids(BTreeSet::new()),
            (low, high) => {
                let included = |bound: Option<Key>| bound.map_or(Bound::Unbounded, Bound::Included);
                Source::Documents(included(low), included(high))
            }
        };
        (score, Self { source, is_sorted, is_backwards })
    }

    fn by_index(query: &Query, position: usize, fields: &[&str]) -> (usize, Self) {
        let mut low = Vec::new();
        let mut rest = Range::default();
        for field in &fields[..fields.len() - 1] {
            let range = Range::of(&query.filter, field);
            match range.one() {
                Some(value) => low.push(value.clone()),
                None => {
                    rest = range;
                    break;
                }
            }
        }
        let fixed = low.len();
        let mut high = low.clone();
        let is_bounded = rest.low.is_some() || rest.high.is_some();
        low.extend(rest.low);
        high.extend(rest.high);
        high.push(Key::Top);
        let order = query.sort.is_order_of(fields, fixed);
        let score = 4 * fixed + 2 * usize::from(is_bounded) + usize::from(order.is_some());
        let source =
            if low > high { Source::Ids(BTreeSet::new()) } else { Source::Index(position, low, high) };
        (score, Self { source, is_sorted: order.is_some(), is_backwards: order == Some(true) })
    }
}
