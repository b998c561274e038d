//! Texts that must not be shown.

use std::fmt;
use std::ops::Deref;

/// A text that no log and no error may show: its `Debug` form does not. It has no `Display` form.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The text itself, for the one it is meant for.
impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::from("hunter2".to_owned());
        assert_eq!(format!("{:?} {:#?}", secret, Some(&secret)), "Secret(…) Some(\n    Secret(…),\n)");
        assert_eq!(&*secret, "hunter2");
    }
}
