//! A Lambda process: how it starts, what it logs, and the environment variables that configure it.

mod log;
mod mode;
mod start;
mod vars;

pub use mode::{InvalidMode, Mode};
pub use start::start;
pub use vars::{MissingVar, required, var};
