//! Filters. An unknown operator is an error.

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, RawDocument};

use super::key::{Key, value_at};
use crate::failure::Failure;

/// A condition on documents: all tests and all alternatives must match.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Tests, each with its path. Query plans use only these.
    pub(crate) tests: Vec<(String, Test)>,
    /// Groups of filters, of each of which at least one must match.
    alternatives: Vec<Vec<Filter>>,
}

/// A test of one value.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Eq(Key),
    Ne(Key),
    Gt(Key),
    Gte(Key),
    Lt(Key),
    Lte(Key),
    In(BTreeSet<Key>),
    Nin(BTreeSet<Key>),
    Exists(bool),
}

impl Filter {
    pub(crate) fn parse(filter: &Document) -> Result<Self, Failure> {
        let mut parsed = Self::default();
        for (name, value) in filter {
            match name.as_str() {
                "$and" => {
                    for filter in Self::parse_all(name, value)? {
                        parsed.tests.extend(filter.tests);
                        parsed.alternatives.extend(filter.alternatives);
                    }
                }
                "$or" => parsed.alternatives.push(Self::parse_all(name, value)?),
                name if name.starts_with('$') => {
                    return Err(Failure::bad_value(format!("unknown top level operator: {name}")));
                }
                path => {
                    let tests = parse_tests(value)?;
                    parsed.tests.extend(tests.into_iter().map(|test| (path.to_owned(), test)));
                }
            }
        }
        Ok(parsed)
    }

    fn parse_all(name: &str, value: &Bson) -> Result<Vec<Self>, Failure> {
        let filters = value.as_array().filter(|filters| !filters.is_empty());
        let filters =
            filters.ok_or_else(|| Failure::bad_value(format!("{name} must be a nonempty array")))?;
        let document = |filter: &Bson| match filter {
            Bson::Document(filter) => Self::parse(filter),
            _ => Err(Failure::bad_value(format!("{name} must hold documents"))),
        };
        filters.iter().map(document).collect()
    }

    pub(crate) fn matches(&self, document: &RawDocument) -> Result<bool, Failure> {
        for (path, test) in &self.tests {
            let value = value_at(document, path)?;
            let matches = match test {
                Test::Exists(exists) => value.is_some() == *exists,
                test => test.matches(&value.map_or(Ok(Key::Null), Key::of)?),
            };
            if !matches {
                return Ok(false);
            }
        }
        for alternatives in &self.alternatives {
            let mut matches = false;
            for alternative in alternatives {
                matches = matches || alternative.matches(document)?;
            }
            if !matches {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Test {
    fn matches(&self, value: &Key) -> bool {
        match self {
            Self::Eq(key) => value == key,
            Self::Ne(key) => value != key,
            Self::Gt(key) => value.is_same_type(key) && value > key,
            Self::Gte(key) => value.is_same_type(key) && value >= key,
            Self::Lt(key) => value.is_same_type(key) && value < key,
            Self::Lte(key) => value.is_same_type(key) && value <= key,
            Self::In(keys) => keys.contains(value),
            Self::Nin(keys) => !keys.contains(value),
            Self::Exists(exists) => *exists,
        }
    }
}

fn parse_tests(value: &Bson) -> Result<Vec<Test>, Failure> {
    let Bson::Document(tests) = value else {
        return Ok(vec![Test::Eq(Key::of_bson(value)?)]);
    };
    if !tests.keys().any(|name| name.starts_with('$')) {
        return Err(Failure::not_simulated("a filter that equals an embedded document"));
    }
    tests.iter().map(|(operator, value)| parse_test(operator, value)).collect()
}

fn parse_test(operator: &str, value: &Bson) -> Result<Test, Failure> {
    let test = match operator {
        "$in" => return keys(operator, value).map(Test::In),
        "$nin" => return keys(operator, value).map(Test::Nin),
        "$exists" => {
            let exists = value.as_bool().ok_or_else(|| Failure::not_simulated("$exists without a Boolean"));
            return exists.map(Test::Exists);
        }
        "$eq" => Test::Eq,
        "$ne" => Test::Ne,
        "$gt" => Test::Gt,
        "$gte" => Test::Gte,
        "$lt" => Test::Lt,
        "$lte" => Test::Lte,
        _ => return Err(Failure::bad_value(format!("unknown operator: {operator}"))),
    };
    Key::of_bson(value).map(test)
}

fn keys(operator: &str, value: &Bson) -> Result<BTreeSet<Key>, Failure> {
    let values = value.as_array().ok_or_else(|| Failure::bad_value(format!("{operator} needs an array")))?;
    values.iter().map(Key::of_bson).collect()
}
