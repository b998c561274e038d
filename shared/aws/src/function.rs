//! Invoking another Lambda function.

use std::sync::Arc;
use std::time::Duration;

use eventlog_lambda::{MissingVar, required};
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use serde_json::Value;

use crate::endpoint::endpoint;
use crate::{Caller, Client, InvalidEndpoint};

/// To be taken down takes milliseconds, and somebody waits.
const ATTEMPT: Duration = Duration::from_secs(2);

/// A function that can be invoked without waiting for its answer (Lambda API reference, "Invoke").
#[derive(Clone)]
pub struct Function {
    client: Client,
    url: Arc<str>,
}

/// The environment does not say which function, or how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFunction {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] MissingVar),
    /// The endpoint of Lambda is no URL.
    #[error(transparent)]
    Endpoint(#[from] InvalidEndpoint),
}

/// The function was not invoked, or perhaps it was: there is no answer that says so.
#[derive(Debug, thiserror::Error)]
#[error("the function cannot be invoked: {0}")]
pub struct NotInvoked(String);

impl Function {
    /// The function whose name the variable `name` holds, with what [`Caller`] reads and, for another endpoint of
    /// Lambda than the region's own, `AWS_ENDPOINT_URL_LAMBDA` or `AWS_ENDPOINT_URL`.
    pub fn from_vars(
        lookup: impl Fn(&str) -> Option<String>,
        name: &'static str,
    ) -> Result<Self, InvalidFunction> {
        let function = required(&lookup, name)?;
        let caller = Caller::from_vars(&lookup)?;
        let endpoint: Uri = endpoint(&lookup, "AWS_ENDPOINT_URL_LAMBDA", "lambda", &caller.region)?;
        let endpoint = endpoint.to_string();
        let endpoint = endpoint.trim_end_matches('/');
        let url = format!("{endpoint}/2015-03-31/functions/{function}/invocations").into();
        Ok(Self { client: Client::new(caller), url })
    }

    /// Returns when Lambda has taken the invocation down; it repeats it by itself if need be.
    pub async fn invoke(&self, payload: &Value) -> Result<(), NotInvoked> {
        let request = Request::post(&*self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("x-amz-invocation-type", "Event")
            .body(payload.to_string().into());
        let request = request.map_err(|error| NotInvoked(error.to_string()))?;
        let reply = self.client.send("lambda", request, ATTEMPT).await;
        match reply.map_err(|error| NotInvoked(error.to_string()))?.status() {
            status if status.is_success() => Ok(()),
            status => Err(NotInvoked(format!("HTTP status {status}"))),
        }
    }
}
