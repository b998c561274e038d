//! What a WebSocket is opened for.

use eventlog_ledger::{EventId, Filter};
use lambda_http::aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequest;

use crate::Problem;
use crate::query::{filter, id, parameters};

/// Which events a client wants, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Which events.
    pub filter: Filter,
    /// Those after this one; else those to come.
    pub after: Option<EventId>,
    /// Whether messages are arrays of events.
    pub batch: bool,
}

/// Reads the parameters of `$connect`, which API Gateway has decoded.
pub fn subscription(request: &ApiGatewayWebsocketProxyRequest) -> Result<Subscription, Problem> {
    // Of a parameter that stands there twice, the other map has the last value only.
    let all = Some(&request.multi_value_query_string_parameters).filter(|all| !all.is_empty());
    let all = all.unwrap_or(&request.query_string_parameters).iter();
    let all = all.map(|(name, value)| (name.into(), value.into()));
    let [event_type, source_app_id, after, batch] =
        parameters(all, ["eventType", "sourceAppId", "after", "batch"])?;
    let batch = match batch.as_deref() {
        None => false,
        Some("1") => true,
        Some(_) => return Err(Problem::invalid_query("The parameter \"batch\" must be 1.")),
    };
    Ok(Subscription {
        filter: filter(event_type, source_app_id)?,
        after: after.map(|value| id("after", &value)).transpose()?,
        batch,
    })
}
