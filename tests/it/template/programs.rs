//! The programs, with what the template gives them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventlog_testing::{Function as Program, binary};
use serde_json::Value;

use super::document::Function;

/// A function with its variables, as far as `with` lets them, its limits, and what Lambda sets besides.
pub(crate) fn program(function: &Function<'_>, with: impl Fn(&str) -> bool) -> Program {
    let number = |name: &str| function.properties[name].as_u64().expect(name);
    let log = |name: &str| function.properties["LoggingConfig"][name].as_str().expect(name);
    let memory_mb = u32::try_from(number("MemorySize")).expect("a size");
    let program = Program::new(path(function))
        .timeout(Duration::from_secs(number("Timeout")))
        .memory_mb(memory_mb)
        .env("AWS_LAMBDA_LOG_FORMAT", log("LogFormat"))
        .env("AWS_LAMBDA_LOG_LEVEL", log("ApplicationLogLevel"))
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "hunter2")
        .env("AWS_SESSION_TOKEN", "a token")
        // Nobody listens there: no test asks the real one.
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
        .env("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1");
    let (set, _) = function.variables();
    let set = set.into_iter().filter(|(name, _)| with(name));
    set.fold(program, |program, (name, value)| program.env(&name, value))
}

/// What `sam build` has put into the folder `EVENTLOG_BOOTSTRAPS`, or else what cargo has built.
fn path(function: &Function<'_>) -> PathBuf {
    let built = std::env::var_os("EVENTLOG_BOOTSTRAPS");
    let built = built.map(|folder| Path::new(&folder).join(function.name).join("bootstrap"));
    built.unwrap_or_else(|| {
        let folder = function.properties["CodeUri"].as_str().and_then(|code| code.strip_prefix("functions/"));
        binary(&format!("eventlog-{}", folder.expect("a folder")))
    })
}

/// Whether a line of a log is one that a metric filter `{ $.a.b >= 0 }` counts.
pub(super) fn counts(pattern: &str, line: &str) -> bool {
    let selector = pattern.strip_prefix("{ $.").and_then(|rest| rest.strip_suffix(" >= 0 }"));
    let pointer = format!("/{}", selector.expect("a simple pattern").replace('.', "/"));
    let line: Value = serde_json::from_str(line).unwrap_or_default();
    line.pointer(&pointer).and_then(Value::as_f64).is_some_and(|number| number >= 0.0)
}
