//! Whole-system tests and benchmarks, see `it` and `benches`; here is what the benchmarks share.

pub mod client;
pub mod process;
pub mod report;
pub mod systems;
pub mod timing;
