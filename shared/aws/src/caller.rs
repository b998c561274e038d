//! In whose name a function calls AWS.

use eventlog_lambda::{MissingVar, required};

use crate::Secret;

/// What Lambda tells a function of itself ("Working with Lambda environment variables": reserved ones).
#[derive(Debug, Clone)]
pub struct Caller {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`. The keys are those of the function's role; Lambda starts another instance before they
    /// expire.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Secret,
    /// `AWS_SESSION_TOKEN`; the keys of a person, in a local run, have none.
    pub session_token: Option<Secret>,
}

impl Caller {
    /// Reads the variables.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVar> {
        let var = |name| required(&lookup, name);
        Ok(Self {
            region: var("AWS_REGION")?,
            access_key_id: var("AWS_ACCESS_KEY_ID")?,
            secret_access_key: var("AWS_SECRET_ACCESS_KEY")?.into(),
            session_token: var("AWS_SESSION_TOKEN").ok().map(Secret::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named_and_no_secret_shown() {
        let without =
            |missing| Caller::from_vars(move |name| (name != missing).then(|| format!("the {name}")));
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            assert_eq!(without(name).expect_err(name), MissingVar(name));
        }
        without("AWS_SESSION_TOKEN").expect("a person's keys");
        let caller = format!("{:?}", without("").expect("all is there"));
        assert!(!caller.contains("the AWS_SECRET") && !caller.contains("the AWS_SESSION"), "{caller}");
    }
}
