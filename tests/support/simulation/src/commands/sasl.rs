//! Authentication with a password.

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, doc};

use super::command::{Command, ok};
use crate::failure::{CommandResult, Failure};
use crate::server::Server;

/// Authenticates by the mechanism PLAIN: `\0name\0password` (RFC 4616). Any name is accepted.
pub(super) fn start(server: &Server, command: &Command) -> CommandResult {
    command.check_fields(&["mechanism", "payload", "options"])?;
    let mechanism = command.text("mechanism")?;
    if mechanism != "PLAIN" {
        return Err(Failure::not_simulated(format!("authentication with {mechanism}")));
    }
    let given = command.body.get_binary_generic("payload").ok();
    let given = given.and_then(|payload| payload.rsplit(|byte| *byte == 0).next());
    let state = server.state()?;
    if state.password.as_ref().is_some_and(|password| given != Some(password.as_bytes())) {
        return Err(Failure::authentication_failed());
    }
    let nothing = Binary { subtype: BinarySubtype::Generic, bytes: Vec::new() };
    ok(doc! { "conversationId": 1, "done": true, "payload": nothing })
}
