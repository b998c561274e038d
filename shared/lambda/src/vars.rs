//! Configuration from environment variables.

/// A variable that must be set is not, or is empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} must be set")]
pub struct MissingVar(pub &'static str);

/// The value of a variable of this process, if it is set.
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The value of `name` as `lookup` finds it: [`var`], or a map's in a test.
pub fn required(lookup: impl Fn(&str) -> Option<String>, name: &'static str) -> Result<String, MissingVar> {
    lookup(name).filter(|value| !value.is_empty()).ok_or(MissingVar(name))
}
