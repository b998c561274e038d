//! What an error says, in one line.

use std::error::Error;

/// What the error and each of its causes say.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut causes = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        causes = format!("{causes}: {cause}");
        next = cause.source();
    }
    causes
}
