//! `hello`: the state of the replica set, and notifications of its changes.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};

use super::command::{Command, ok};
use super::write::MAX_STATEMENTS;
use crate::documents::stored::MAX_DOCUMENT;
use crate::failure::CommandResult;
use crate::role::{REPLICA_SET, Role};
use crate::server::Server;
use crate::wire::MAX_MESSAGE;

/// The wire version of MongoDB 7.0.
const WIRE_VERSION: i32 = 21;

/// A `hello` whose reply waits for a change of the role, or for a timeout.
pub(crate) struct RoleSubscription {
    known: Option<Document>,
    timeout: Duration,
}

impl RoleSubscription {
    pub(crate) fn parse(command: &Command) -> Option<Self> {
        let known = command.body.get_document("topologyVersion").ok()?.clone();
        let millis = command.body.get_i64("maxAwaitTimeMS").ok()?;
        Some(Self { known: Some(known), timeout: Duration::from_millis(millis.try_into().ok()?) })
    }

    pub(crate) fn set_known(&mut self, role: &Role) {
        self.known = Some(role.topology_version());
    }

    pub(crate) async fn wait_for_change(&self, server: &Server) {
        let mut roles = server.role.subscribe();
        let change = roles.wait_for(|role| Some(role.topology_version()) != self.known);
        let _ = tokio::time::timeout(self.timeout, change).await;
    }
}

pub(super) async fn run(server: &Server, command: &Command) -> CommandResult {
    if let Some(subscription) = RoleSubscription::parse(command) {
        subscription.wait_for_change(server).await;
    }
    ok(reply(server))
}

/// Returns the reply. Drivers retry writes because of `logicalSessionTimeoutMinutes`.
pub(crate) fn reply(server: &Server) -> Document {
    let role = *server.role.borrow();
    let me = server.advertised_address.to_string();
    let mut reply = doc! {
        "helloOk": true,
        "ismaster": role.is_primary,
        "isWritablePrimary": role.is_primary,
        "secondary": !role.is_primary,
        "topologyVersion": role.topology_version(),
        "setName": REPLICA_SET,
        "setVersion": 1,
        "hosts": [&me],
        "me": &me,
        "lastWrite": { "lastWriteDate": DateTime::now() },
        "maxBsonObjectSize": i32::try_from(MAX_DOCUMENT).unwrap_or(i32::MAX),
        "maxMessageSizeBytes": MAX_MESSAGE,
        "maxWriteBatchSize": MAX_STATEMENTS,
        "localTime": DateTime::now(),
        "logicalSessionTimeoutMinutes": 30,
        "minWireVersion": 0,
        "maxWireVersion": WIRE_VERSION,
        "readOnly": false,
        "ok": 1.0,
    };
    if role.is_primary {
        reply.insert("primary", me);
        reply.insert("electionId", role.election_id());
    }
    reply
}
