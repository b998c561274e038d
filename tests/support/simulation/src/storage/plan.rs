//! Query plans: by `_id`, or along the index that narrows the search most.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::index::Index;
use super::query::Query;
use crate::documents::filter::{Filter, Test};
use crate::documents::key::Key;

/// A way to find the documents of a query, and possibly more.
pub(crate) struct Plan {
    pub(crate) source: Source,
    /// True if documents are found in the order of the query.
    pub(crate) is_sorted: bool,
    pub(crate) is_backwards: bool,
}

/// The documents that a plan reads.
pub(crate) enum Source {
    Ids(BTreeSet<Key>),
    /// A range of `_id`.
    Documents(Bound<Key>, Bound<Key>),
    /// A range of the index with this number; the first bound is included, the second is not.
    Index(usize, Vec<Key>, Vec<Key>),
}

/// The narrowest range that the tests of a filter allow for one field.
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

    fn single_value(&self) -> Option<&Key> {
        self.low.as_ref().filter(|low| Some(*low) == self.high.as_ref())
    }
}

impl Plan {
    pub(crate) fn choose(indexes: &[Index], query: &Query) -> Self {
        let mut best = Self::by_id(query);
        for (number, index) in indexes.iter().enumerate() {
            let fields = index.spec.fields.iter().map(String::as_str).chain(["_id"]).collect::<Vec<_>>();
            let candidate = Self::by_index(query, number, &fields);
            if candidate.0 > best.0 {
                best = candidate;
            }
        }
        best.1
    }

    /// Returns a plan and its score: the higher, the narrower is the search.
    fn by_id(query: &Query) -> (usize, Self) {
        let ids =
            query.filter.tests.iter().filter(|(path, _)| path == "_id").find_map(|(_, test)| match test {
                Test::Eq(id) => Some(BTreeSet::from([id.clone()])),
                Test::In(ids) => Some(ids.clone()),
                _ => None,
            });
        let order = query.sort.reads_backwards(&["_id"], 0);
        let (is_sorted, is_backwards) = (order.is_some(), order == Some(true));
        if let Some(ids) = ids {
            return (usize::MAX, Self { source: Source::Ids(ids), is_sorted, is_backwards });
        }
        let Range { low, high } = Range::of(&query.filter, "_id");
        let score = 2 * usize::from(low.is_some() || high.is_some()) + usize::from(is_sorted);
        let source = match (low, high) {
            // `BTreeMap::range` panics on such bounds.
            (Some(low), Some(high)) if low > high => Source::Ids(BTreeSet::new()),
            (low, high) => {
                let included = |bound: Option<Key>| bound.map_or(Bound::Unbounded, Bound::Included);
                Source::Documents(included(low), included(high))
            }
        };
        (score, Self { source, is_sorted, is_backwards })
    }

    fn by_index(query: &Query, number: usize, fields: &[&str]) -> (usize, Self) {
        let mut low = Vec::new();
        let mut rest = Range::default();
        for field in &fields[..fields.len() - 1] {
            let range = Range::of(&query.filter, field);
            match range.single_value() {
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
        let order = query.sort.reads_backwards(fields, fixed);
        let score = 4 * fixed + 2 * usize::from(is_bounded) + usize::from(order.is_some());
        let source = if low > high { Source::Ids(BTreeSet::new()) } else { Source::Index(number, low, high) };
        (score, Self { source, is_sorted: order.is_some(), is_backwards: order == Some(true) })
    }
}
