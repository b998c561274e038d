//! What an instance of the real function uses.

use anyhow::{Context, Result};
use eventlog_testing::fixture;
use eventlog_testing::{Function, Instance};

use super::server::Server;

const REQUESTS: usize = 500;

/// Resident memory of an instance of create-event, in bytes, after some hundred requests. `None` if its release build
/// is not there.
pub(crate) async fn memory(server: &Server) -> Result<Option<u64>> {
    let this = std::env::current_exe()?;
    // target/release/deps/append-…
    let program = this.ancestors().nth(2).context("a folder")?.join("eventlog-create-event");
    if !program.is_file() {
        return Ok(None);
    }
    let lambda = Function::new(program).env("MONGODB_URI", &server.uri).deploy();
    let request = serde_json::to_vec(&fixture("http-post-events"))?;
    for _ in 0..REQUESTS {
        lambda.invoke(&request).await?;
    }
    let instances = lambda.instances();
    let memory = instances.first().and_then(Instance::memory).context("an instance")?;
    Ok(Some(memory.resident))
}
