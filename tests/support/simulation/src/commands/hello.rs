//! `hello`: what drivers learn of the set, and wait for.

use std::time::Duration;

use mongodb::bson::{DateTime, Document, doc};

use super::{Command, MAX_MESSAGE, MAX_STATEMENTS, ok};
use crate::documents::MAX_DOCUMENT;
use crate::failure::Answer;
use crate::role::Role;
use crate::server::Server;

/// Name of the replica set.
pub(crate) const SET: &str = "simulated";
/// As MongoDB 7.0.
const WIRE_VERSION: i32 = 21;

/// A `hello` that is to be answered only when what it knows has changed, or some time later.
pub(crate) struct Awaited {
    known: Option<Document>,
    at_most: Duration,
}

impl Awaited {
    pub(crate) fn by(command: &Command) -> Option<Self> {
        let known = command.body.get_document("topologyVersion").ok()?.clone();
        let millis = command.body.get_i64("maxAwaitTimeMS").ok()?;
        Some(Self { known: Some(known), at_most: Duration::from_millis(millis.try_into().ok()?) })
    }

    pub(crate) fn note(&mut self, role: &Role) {
        self.known = Some(role.topology_version());
    }

    pub(crate) async fn role_change(&self, server: &Server) {
        let mut roles = server.role.subscribe();
        let change = roles.wait_for(|role| Some(role.topology_version()) != self.known);
        let _ = tokio::time::timeout(self.at_most, change).await;
    }
}

pub(super) async fn run(server: &Server, command: &Command) -> Answer {
    if let Some(awaited) = Awaited::by(command) {
        awaited.role_change(server).await;
    }
    ok(reply(server))
}

/// The whole reply. `logicalSessionTimeoutMinutes` is what makes drivers retry writes.
pub(crate) fn reply(server: &Server) -> Document {
    let role = *server.role.borrow();
    let me = server.known_as.to_string();
    let mut reply = doc! {
        "helloOk": true,
        "ismaster": role.is_primary,
        "isWritablePrimary": role.is_primary,
        "secondary": !role.is_primary,
        "topologyVersion": role.topology_version(),
        "setName": SET,
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
