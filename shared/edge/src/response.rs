//! HTTP responses as functions give them.

use std::future::{Future, ready};
use std::ops::Deref;
use std::pin::Pin;

use lambda_http::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use lambda_http::http::{self, StatusCode};
use lambda_http::{Body, IntoResponse};

/// Longer texts are sent in base64: Lambda's 6 MB count the text with each `"` and `\` escaped, which could
/// double it, where base64 makes it a third longer.
const MAX_TEXT: usize = 2_000_000;

/// An HTTP response, sent as it is. (`lambda_http` by itself would take any JSON for text, however long.)
#[derive(Debug)]
pub struct Response(http::Response<Body>);

impl Response {
    pub(crate) fn new(status: StatusCode, media_type: &'static str, body: String) -> Self {
        let body = if body.len() > MAX_TEXT { Body::Binary(body.into_bytes()) } else { Body::Text(body) };
        let mut response = http::Response::new(body);
        *response.status_mut() = status;
        Self(response).with(CONTENT_TYPE, HeaderValue::from_static(media_type))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }
}

impl Response {
    /// Returns the response to `HEAD`, of the response to `GET`: the same headers, the length of the body, no body.
    pub fn without_body(mut self) -> Self {
        let length = self.0.body().len();
        *self.0.body_mut() = Body::Empty;
        self.with(CONTENT_LENGTH, HeaderValue::from(length))
    }
}

impl From<Response> for http::Response<Body> {
    fn from(response: Response) -> Self {
        response.0
    }
}

impl Deref for Response {
    type Target = http::Response<Body>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl IntoResponse for Response {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}
