//! Chance that can be repeated.

use std::time::{Duration, SystemTime};

/// A sequence of numbers that its seed determines: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014). Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that nobody has chosen, short enough to be written down.
    pub fn any_seed() -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(now.as_micros() as u64).below(1_000_000_000)
    }

    /// Another sequence, which this one determines.
    pub fn another(&mut self) -> Self {
        Self(self.number())
    }

    /// The next number, of all that there are.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `end`; 0 if there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        // Numbers this small are hardly more likely than others.
        self.number().checked_rem(end).unwrap_or_default()
    }

    /// A time up to `longest`.
    pub fn time(&mut self, longest: Duration) -> Duration {
        Duration::from_nanos(self.below(longest.as_nanos() as u64 + 1))
    }

    /// One of these; panics if there is none.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_sequence() {
        let mut random = Random::new(1234567);
        assert_eq!(random.number(), 6457827717110365317);
        assert_eq!(random.number(), 3203168211198807973);
    }
}
