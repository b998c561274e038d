//! Pushing through API Gateway's management API.

use std::time::Duration;

use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::config::{BehaviorVersion, Builder, Region};
use aws_sdk_apigatewaymanagement::error::{DisplayErrorContext, SdkError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::Bytes;
use eventlog_ledger::broadcast::{Push, PushError};

use crate::Config;

/// A post takes milliseconds; one that hangs must not keep its connection waiting for long.
const POST: Duration = Duration::from_secs(5);

/// `@connections` of one WebSocket API.
#[derive(Clone)]
pub struct ApiGateway(Client);

impl ApiGateway {
    /// Connects when it is first used.
    pub fn new(config: &Config) -> Self {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        let sdk = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(&config.endpoint)
            .region(Region::new(config.region.clone()))
            .credentials_provider(config.credentials.clone())
            // The broadcaster repeats, in its own time, and knows what else is waiting.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(POST).build());
        Self(Client::from_conf(sdk.build()))
    }
}

impl Push for ApiGateway {
    async fn post(&self, connection: &str, message: Bytes) -> Result<(), PushError> {
        let post = self.0.post_to_connection().connection_id(connection).data(Blob::new(message));
        post.send().await.map(drop).map_err(|error| {
            // The status is asked too: a reply that does not name its type is no typed error.
            match error.raw_response().map(|reply| reply.status().as_u16()) {
                Some(410) => PushError::Gone,
                Some(status @ (400 | 403 | 404 | 413)) => PushError::Refused(format!("HTTP status {status}")),
                _ => PushError::Unavailable(cause(&error).into()),
            }
        })
    }
}

/// The whole chain of causes, in one line.
fn cause<E: std::error::Error + Send + Sync + 'static, R: std::fmt::Debug>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::ServiceError(reply) => DisplayErrorContext(reply.err()).to_string(),
        other => DisplayErrorContext(other).to_string(),
    }
}
