//! Events by number, and sets of them.

use std::fmt;
use std::iter::from_fn;

pub(crate) type Id = u8;

/// A set of events.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Ids(u8);

impl Ids {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn contains(self, id: Id) -> bool {
        self.0 & 1 << id != 0
    }

    pub(crate) fn are_in(self, others: Self) -> bool {
        self.without(others).is_empty()
    }

    pub(crate) fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) fn also_in(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Those before this one.
    pub(crate) fn before(self, id: Id) -> Self {
        Self(self.0 & ((1 << id) - 1))
    }

    /// Every selection of them, none and all included.
    pub(crate) fn selections(self) -> impl Iterator<Item = Self> {
        (0..=self.0).map(Self).filter(move |selection| selection.are_in(self))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Id> {
        let mut left = self.0;
        from_fn(move || {
            let id = (left != 0).then(|| left.trailing_zeros() as Id)?;
            left &= left - 1;
            Some(id)
        })
    }
}

impl FromIterator<Id> for Ids {
    fn from_iter<I: IntoIterator<Item = Id>>(ids: I) -> Self {
        Self(ids.into_iter().fold(0, |set, id| set | 1 << id))
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}
