//! Shares of the connections, each with a broadcaster of its own.

use std::fmt;
use std::ops::Range;

use sha2::{Digest, Sha256};

/// One of a number of equal shares of all connections.
///
/// Connections fall into buckets by a hash of their id, and a share has a range of buckets, so a connection need not
/// know how many shares there are. Two broadcasters that disagree on that deliver some events twice, and lose none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u16,
    of: u16,
}

/// Into so many buckets connections fall.
const BUCKETS: u32 = 1 << 16;

impl Shard {
    /// All connections.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Share `index`, from 0, of `of`; `None` if there is no such share.
    pub fn new(index: u16, of: u16) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// All shares, where there are so many (at least one).
    pub fn all(of: u16) -> impl Iterator<Item = Self> {
        let of = of.max(1);
        (0..of).map(move |index| Self { index, of })
    }

    /// Which one, from 0.
    pub fn index(self) -> u16 {
        self.index
    }

    /// Of how many.
    pub fn of(self) -> u16 {
        self.of
    }

    /// Whose connections are in it: those with one of these [buckets](bucket).
    pub fn buckets(self) -> Range<u32> {
        let start = |index: u16| u32::from(index) * BUCKETS / u32::from(self.of);
        start(self.index)..if self.index + 1 == self.of { BUCKETS } else { start(self.index + 1) }
    }
}

/// `3/8`: the fourth of eight.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// The bucket of a connection, by its id: the first two bytes of its SHA-256.
pub fn bucket(connection: &str) -> u32 {
    let hash: [u8; 32] = Sha256::digest(connection).into();
    u32::from(u16::from_be_bytes([hash[0], hash[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_in_one_share() {
        for of in [1, 2, 3, 7, 16, 1000, u16::MAX] {
            let mut next = 0;
            for shard in Shard::all(of) {
                assert_eq!(shard.buckets().start, next, "{shard}");
                assert!(!shard.buckets().is_empty(), "{shard}");
                next = shard.buckets().end;
            }
            assert_eq!(next, BUCKETS);
        }
        assert_eq!(Shard::new(0, 1), Some(Shard::WHOLE));
        assert_eq!((Shard::new(3, 3), Shard::new(0, 0)), (None, None));
    }

    #[test]
    fn connections_are_spread_evenly() {
        let mut shares = [0; 8];
        for n in 0..8000 {
            let bucket = bucket(&format!("L0SM9cOFvHcC{n}="));
            let share = Shard::all(8).position(|shard| shard.buckets().contains(&bucket)).expect("a share");
            shares[share] += 1;
        }
        assert!(shares.iter().all(|share| (900..1100).contains(share)), "{shares:?}");
    }
}
