//! Write concerns: the condition of a write's reply.

use mongodb::bson::{Bson, Document};

use super::command::{check_fields, document, ok};
use crate::failure::{CommandResult, Failure};
use crate::replication::Position;
use crate::server::Server;
use crate::sessions::WriteId;
use crate::settings::Interruption;

/// A write concern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    Primary,
    Majority,
}

impl Concern {
    pub(super) fn parse(command: &Document) -> Result<Self, Failure> {
        let concern = document(command, "writeConcern")?;
        check_fields("writeConcern", concern.keys().map(String::as_str), &["w", "j"])?;
        match concern.get("w") {
            // The default since MongoDB 5.0.
            None => Ok(Self::Majority),
            Some(Bson::Int32(1) | Bson::Int64(1)) => Ok(Self::Primary),
            Some(Bson::String(w)) if w == "majority" => Ok(Self::Majority),
            Some(other) => Err(Failure::not_simulated(format!("w: {other}"))),
        }
    }

    /// Waits until the concern is fulfilled. Returns `reply`, or the configured error if the write was rolled back.
    pub(super) async fn wait(
        self,
        server: &Server,
        position: Position,
        mut reply: Document,
        id: Option<&WriteId>,
    ) -> CommandResult {
        if self == Self::Primary || server.wait_for_majority(position).await? {
            return ok(reply);
        }
        match server.settings.interruption {
            // The connection is about to be closed.
            Interruption::Disconnect => std::future::pending().await,
            Interruption::CommandError(change) => Err(Failure::state_change(change)),
            Interruption::WriteConcernError(change) => {
                let failure = Failure::state_change(change);
                reply.insert("writeConcernError", failure.write_concern_error());
                reply.insert("topologyVersion", server.role.borrow().topology_version());
                let labels = failure.labels(id.is_some(), false);
                if !labels.is_empty() {
                    reply.insert("errorLabels", labels);
                }
                ok(reply)
            }
        }
    }
}
