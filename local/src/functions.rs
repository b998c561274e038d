//! The functions, called as Lambda would call them: JSON in, JSON out.

use std::convert::Infallible;

use anyhow::Result;
use eventlog_edge::{BasePath, routes};
use eventlog_ledger::{ConnectionStore, EventStore};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent, Service, service_fn};

use crate::doorbell::Doorbell;

/// The functions, composed as their `main.rs` do it, on the stores of this machine.
#[derive(Clone)]
pub(crate) struct Functions<L, C> {
    pub(crate) log: L,
    pub(crate) connections: C,
    pub(crate) doorbell: Doorbell,
}

/// The routes of the WebSocket API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebSocketRoute {
    Connect,
    Disconnect,
    Default,
}

impl<L: EventStore, C: ConnectionStore> Functions<L, C> {
    /// Invokes the function of an HTTP route; `None` is `$default`. Payload format 2.0 both ways.
    pub(crate) async fn http(&self, route: Option<routes::Route>, request: &[u8]) -> Result<Vec<u8>> {
        let payload: LambdaRequest = serde_json::from_slice(request)?;
        let request = LambdaEvent::new(payload, Context::default());
        let log = &self.log;
        let response = match route {
            Some(routes::CREATE) => {
                let create = async |r| Ok::<_, Infallible>(eventlog_create_event::handle(log, r).await);
                Adapter::from(service_fn(create)).call(request).await?
            }
            _ => {
                let base = BasePath::default();
                let list = async |r| Ok::<_, Infallible>(eventlog_list_events::handle(log, &base, r).await);
                Adapter::from(service_fn(list)).call(request).await?
            }
        };
        Ok(serde_json::to_vec(&response)?)
    }

    /// Invokes the function of a WebSocket route.
    pub(crate) async fn websocket(&self, route: WebSocketRoute, request: &[u8]) -> Result<Vec<u8>> {
        let request = serde_json::from_slice(request)?;
        let response = match route {
            WebSocketRoute::Connect => {
                let Self { log, connections, doorbell } = self;
                eventlog_connect::handle(log, connections, doorbell, request).await
            }
            WebSocketRoute::Disconnect => eventlog_disconnect::handle(&self.connections, request).await,
            WebSocketRoute::Default => eventlog_message::handle(&request),
        };
        Ok(serde_json::to_vec(&response)?)
    }
}
