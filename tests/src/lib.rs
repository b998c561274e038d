//! Whole-system tests and benchmarks; see `it` and `benches`.
