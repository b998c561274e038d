//! Signatures, as AWS's own signer makes them.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as oracle};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use eventlog_aws::{Caller, Signer};
use eventlog_ledger::Timestamp;
use http::Request;
use proptest::prelude::*;

const CONTENT_TYPE: (&str, &str) = ("content-type", "application/octet-stream");

fn caller(session_token: Option<&str>) -> Caller {
    Caller {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
        session_token: session_token.map(|token| token.to_owned().into()),
    }
}

fn ours(url: &str, body: &[u8], token: Option<&str>, millis: i64) -> String {
    signed_by(&Signer::new(caller(token)), url, body, millis)
}

fn signed_by(signer: &Signer, url: &str, body: &[u8], millis: i64) -> String {
    let request = Request::post(url).header(CONTENT_TYPE.0, CONTENT_TYPE.1);
    let mut request = request.body(Bytes::copy_from_slice(body)).expect("a request");
    let now = Timestamp::from_millis(millis).expect("a time");
    signer.sign(&mut request, "execute-api", now).expect("signed");
    request.headers()["authorization"].to_str().expect("text").to_owned()
}

fn theirs(url: &str, body: &[u8], token: Option<&str>, millis: i64) -> String {
    let Caller { region, access_key_id, secret_access_key, .. } = caller(None);
    let identity =
        Credentials::new(access_key_id, &*secret_access_key, token.map(str::to_owned), None, "test").into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(&region)
        .name("execute-api")
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(millis.cast_unsigned()))
        .settings(SigningSettings::default());
    let parameters = parameters.build().expect("parameters").into();
    let request = SignableRequest::new("POST", url, [CONTENT_TYPE].into_iter(), SignableBody::Bytes(body));
    let (instructions, _) = oracle(request.expect("a request"), &parameters).expect("signed").into_parts();
    let mut request = Request::post(url).body(()).expect("a request");
    instructions.apply_to_request_http1x(&mut request);
    request.headers()["authorization"].to_str().expect("text").to_owned()
}

/// A key is good for a day; a signer lives for many.
#[test]
fn one_signer_signs_as_aws_does_day_after_day() {
    const DAY: i64 = 86_400_000;
    let signer = Signer::new(caller(None));
    for millis in [0, 1, DAY - 1, DAY, DAY + 1, 0, 2 * DAY] {
        let url = "https://localhost/prod";
        assert_eq!(signed_by(&signer, url, b"{}", millis), theirs(url, b"{}", None, millis), "at {millis}");
    }
}

/// Connection ids look like `L0SM9cOFvHcCIhw=`; they stand percent-encoded in a path.
#[test]
fn a_post_to_a_connection_is_signed_as_aws_does() {
    let url =
        "https://f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com/prod/@connections/L0SM9cOFvHcCIhw%3D";
    let signed = ours(url, b"{}", Some("a token"), 1_732_264_325_391);
    assert!(
        signed.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20241122/eu-central-1/execute-api/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{signed}"
    );
    assert_eq!(signed, theirs(url, b"{}", Some("a token"), 1_732_264_325_391));
}

proptest! {
    #[test]
    fn any_post_is_signed_as_aws_does(
        host in "[a-z]{1,9}(\\.[a-z]{2,9}){0,2}(:[1-9][0-9]{2,3})?",
        path in "(/[A-Za-z0-9@]([A-Za-z0-9._~-]|%[0-9A-F]{2}){0,9}){1,4}",
        body in prop::collection::vec(any::<u8>(), 0..100),
        token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
        millis in 0..4_000_000_000_000_i64,
    ) {
        let url = format!("https://{host}{path}");
        let ours = ours(&url, &body, token.as_deref(), millis);
        prop_assert_eq!(ours, theirs(&url, &body, token.as_deref(), millis), "{}", url);
    }
}
