//! Values in MongoDB's order (MongoDB manual, "Comparison/Sort Order").

use std::cmp::Ordering;
use std::fmt;

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, RawBson, RawBsonRef, RawDocument};

use crate::failure::Failure;

/// A value that can be compared. The variants are in MongoDB's order of types. Embedded documents, arrays and a few
/// rare types cannot be compared here; as parts of documents they are supported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Null, and a missing value.
    Null,
    Number(Number),
    Text(String),
    Binary(usize, u8, Vec<u8>),
    ObjectId([u8; 12]),
    Boolean(bool),
    DateTime(i64),
    Timestamp(u32, u32),
    /// The upper end of ranges: above all values, never stored.
    Top,
}

/// A number without its BSON type: 1, 1.0 and a 64-bit 1 are equal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

impl Key {
    pub(crate) fn of(value: RawBsonRef<'_>) -> Result<Self, Failure> {
        Ok(match value {
            RawBsonRef::Null => Self::Null,
            RawBsonRef::Int32(value) => Self::Number(Number::Integer(value.into())),
            RawBsonRef::Int64(value) => Self::Number(Number::Integer(value)),
            RawBsonRef::Double(value) => Self::Number(Number::of(value)),
            RawBsonRef::String(value) => Self::Text(value.to_owned()),
            RawBsonRef::Binary(value) => {
                Self::Binary(value.bytes.len(), value.subtype.into(), value.bytes.to_vec())
            }
            RawBsonRef::ObjectId(value) => Self::ObjectId(value.bytes()),
            RawBsonRef::Boolean(value) => Self::Boolean(value),
            RawBsonRef::DateTime(value) => Self::DateTime(value.timestamp_millis()),
            RawBsonRef::Timestamp(value) => Self::Timestamp(value.time, value.increment),
            other => {
                return Err(Failure::not_simulated(format!(
                    "comparing values of type {:?}",
                    other.element_type()
                )));
            }
        })
    }

    pub(crate) fn of_bson(value: &Bson) -> Result<Self, Failure> {
        Self::of(RawBson::try_from(value.clone())?.as_raw_bson_ref())
    }

    /// Returns the value at a dotted path through embedded documents, or `Null` if it is missing.
    pub(crate) fn at(document: &RawDocument, path: &str) -> Result<Self, Failure> {
        value_at(document, path)?.map_or(Ok(Self::Null), Self::of)
    }

    /// Returns whether a range operator may match: it only matches values of its operand's type.
    pub(crate) fn is_same_type(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// Returns the value at a dotted path.
pub(crate) fn value_at<'a>(document: &'a RawDocument, path: &str) -> Result<Option<RawBsonRef<'a>>, Failure> {
    let Some((first, rest)) = path.split_once('.') else {
        return Ok(document.get(path)?);
    };
    match document.get(first)? {
        Some(RawBsonRef::Document(inner)) => value_at(inner, rest),
        Some(RawBsonRef::Array(_)) => {
            Err(Failure::not_simulated(format!("the path {path} through an array")))
        }
        _ => Ok(None),
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(Number::Integer(value)) => value.fmt(f),
            Self::Number(Number::Float(value)) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::ObjectId(value) => {
                write!(f, "ObjectId('{}')", ObjectId::from_bytes(*value))
            }
            Self::Null => f.write_str("null"),
            other => write!(f, "{other:?}"),
        }
    }
}

impl Number {
    fn of(value: f64) -> Self {
        // Exactly the range of i64, so that the cast cannot saturate.
        let in_range = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
        if in_range && value.fract() == 0.0 { Self::Integer(value as i64) } else { Self::Float(value) }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        // A float here has a fraction or is out of the range of integers, so it equals no integer. Integers that are
        // inexact as floats are larger than all floats with fractions.
        let (a, b) = match (*self, *other) {
            (Self::Integer(a), Self::Integer(b)) => return a.cmp(&b),
            (Self::Integer(a), Self::Float(b)) => (a as f64, b),
            (Self::Float(a), Self::Integer(b)) => (a, b as f64),
            (Self::Float(a), Self::Float(b)) => (a, b),
        };
        // NaN is the lowest number and equals itself.
        a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}
