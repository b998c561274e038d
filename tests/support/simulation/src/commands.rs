//! The commands. An unknown command, field, operator or stage is an error.

pub(crate) mod command;
mod concern;
mod find_and_modify;
pub(crate) mod hello;
mod primary;
mod read;
mod sasl;
mod schema;
mod write;

use mongodb::bson::doc;

use crate::failure::{CommandResult, Failure};
use crate::server::Server;
use command::{Command, ok};

/// Runs a command.
pub(crate) async fn run(server: &Server, command: Command) -> CommandResult {
    match command.name() {
        "hello" | "isMaster" | "ismaster" => hello::run(server, &command).await,
        "ping" => ok(doc! {}),
        "saslStart" => sasl::start(server, &command),
        "endSessions" => {
            server.state()?.sessions.end(command.array("endSessions")?);
            ok(doc! {})
        }
        "insert" => write::insert(server, command).await,
        "update" => write::update(server, command).await,
        "delete" => write::delete(server, command).await,
        "findAndModify" => find_and_modify::run(server, command).await,
        "find" => read::find(server, &command),
        "count" => read::count_all(server, &command),
        "aggregate" => read::open_change_stream(server, &command),
        "getMore" => read::get_more(server, &command).await,
        "killCursors" => read::kill_cursors(server, &command),
        "createIndexes" => schema::create_indexes(server, &command).await,
        "dropDatabase" => schema::drop_database(server, &command).await,
        unknown => Err(Failure::unknown_command(unknown)),
    }
}

/// Returns whether a command opens or reads a change stream.
pub(crate) fn uses_change_stream(server: &Server, command: &Command) -> bool {
    match command.name() {
        "aggregate" => true,
        "getMore" => read::reads_change_stream(server, command),
        _ => false,
    }
}
