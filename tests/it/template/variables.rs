//! Environment variables, as the real programs take them.

use eventlog_testing::{InvokeError, within};

use super::document::{Deployed, Function};
use super::programs::program;

/// Variables with a default: the code reads them, and refuses an invalid value.
const OPTIONAL: [&str; 1] = ["BASE_PATH"];

/// Each function starts with what is set where it is deployed, and with what is set under `sam local`: the code
/// needs nothing that the template lacks. It does not start without any of that: the template has nothing that
/// the code does not need.
pub(super) async fn are_those_of_the_code() {
    for deployed in Deployed::in_both_modes() {
        for function in deployed.functions() {
            starts(&function, |_| true, &[]).await.expect(function.name);
            let (set, only_local) = function.variables();
            for optional in set.keys().filter(|name| OPTIONAL.contains(&name.as_str())) {
                let log = starts(&function, |_| true, &[(optional, "not valid")]).await;
                assert!(
                    log.expect_err("a variable that the code reads").contains(optional),
                    "{}",
                    function.name
                );
            }
            for missing in set.keys().filter(|name| !OPTIONAL.contains(&name.as_str())) {
                let log = starts(&function, |name| name != missing, &[]).await;
                let log = log.expect_err("a variable that nobody needs");
                assert!(log.contains(missing), "{}, {missing}: {log}", function.name);
            }
            if let [name] = &only_local[..] {
                let local = [(name.as_str(), "mongodb://127.0.0.1:1/?directConnection=true")];
                starts(&function, |name| name != "MONGODB_SECRET_ARN", &local).await.expect(function.name);
            }
        }
    }
}

/// Whether the program gets as far as to ask for an invocation; what it said if it does not.
async fn starts(
    function: &Function<'_>,
    with: impl Fn(&str) -> bool,
    and: &[(&str, &str)],
) -> Result<(), String> {
    let lambda = and.iter().fold(program(function, with), |program, (name, value)| program.env(name, *value));
    // No JSON, so the code of the function has nothing to do with it. There is no database to reach: a program may
    // end because of that, but not before it has started.
    match within("an answer", lambda.deploy().invoke(b"{")).await {
        Err(InvokeError::Function(_) | InvokeError::Crashed { .. }) => Ok(()),
        Err(InvokeError::Init { log, .. }) => Err(log),
        other => panic!("{}: {other:?}", function.name),
    }
}
