//! Where a service of AWS is reached.

use eventlog_lambda::required;
use http::Uri;

/// What should say where a service is, is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} must be a URL")]
pub struct InvalidEndpoint(pub &'static str);

/// Where the service is whose host name begins like this: what the variable `own` or `AWS_ENDPOINT_URL` says, else in
/// the region (AWS SDKs reference guide, "Service-specific endpoints").
pub(crate) fn endpoint(
    lookup: impl Fn(&str) -> Option<String>,
    own: &'static str,
    host: &str,
    region: &str,
) -> Result<Uri, InvalidEndpoint> {
    let told =
        [own, "AWS_ENDPOINT_URL"].into_iter().find_map(|name| Some((name, required(&lookup, name).ok()?)));
    let (name, url) =
        told.unwrap_or_else(|| ("AWS_REGION", format!("https://{host}.{region}.{}", domain(region))));
    let endpoint = url.parse().ok().filter(|url: &Uri| url.scheme().is_some());
    endpoint.ok_or(InvalidEndpoint(name))
}

/// Each partition of AWS has its own.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}
