//! A JSON value as RFC 8785 sees it: members in canonical order, texts borrowed from where they stand if they can be.
//! Most values are read to be hashed and then forgotten; a [`Value`] would copy every text for that.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree<'t> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'t, str>),
    Array(Vec<Tree<'t>>),
    /// In the order of [`by_utf16`].
    Object(Vec<(Cow<'t, str>, Tree<'t>)>),
}

/// The order of member names in RFC 8785, 3.2.3.
pub(crate) fn by_utf16(a: &str, b: &str) -> Ordering {
    // Of ASCII, bytes and code units are the same.
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

impl<'t> From<&'t Value> for Tree<'t> {
    fn from(value: &'t Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::String(text.into()),
            Value::Array(elements) => Self::Array(elements.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let member = |(name, value): (&'t String, _)| (Cow::from(name), Self::from(value));
                let mut members: Vec<_> = members.iter().map(member).collect();
                members.sort_unstable_by(|(a, _), (b, _)| by_utf16(a, b));
                Self::Object(members)
            }
        }
    }
}

impl From<Tree<'_>> for Value {
    fn from(tree: Tree<'_>) -> Self {
        match tree {
            Tree::Null => Self::Null,
            Tree::Bool(value) => Self::Bool(value),
            Tree::Number(number) => Self::Number(number),
            Tree::String(text) => Self::String(text.into_owned()),
            Tree::Array(elements) => elements.into_iter().map(Self::from).collect(),
            Tree::Object(members) => {
                let member = |(name, value): (Cow<'_, str>, _)| (name.into_owned(), Self::from(value));
                Self::Object(members.into_iter().map(member).collect())
            }
        }
    }
}
