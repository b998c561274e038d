//! The broadcaster, run on the SQLite stores and a gateway that takes messages as each test tells it to.

mod connections;
mod faults;
mod gateway;
mod lag;
mod many;
mod memory;
mod owners;
mod stores;
mod wants;
mod world;
