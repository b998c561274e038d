//! The connection string, out of the environment and out of an endpoint that answers as Secrets Manager does.

use eventlog_aws::{ConnectionString, Secret, UnreadableSecret};
use eventlog_testing::SecretReply::{Binary, Error, Silence, Text, Torn, Unavailable};
use eventlog_testing::{SecretReply, SecretsManager, within};
use serde_json::json;

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:eventlog-a1b2c3";
const URI: &str = "mongodb+srv://user:hunter2@cluster.example/eventlog";

fn from(vars: &[(&str, &str)]) -> Result<ConnectionString, String> {
    let lookup =
        |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    ConnectionString::from_vars(lookup).map_err(|error| error.to_string())
}

fn kept_at(url: &str) -> ConnectionString {
    let kept = from(&[
        ("MONGODB_SECRET_ARN", ARN),
        ("MONGODB_URI", ""),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "a token"),
    ]);
    kept.expect("all is set")
}

/// What came of it, and how often it was asked.
async fn read(replies: impl IntoIterator<Item = SecretReply>) -> (Result<Secret, UnreadableSecret>, usize) {
    let manager = SecretsManager::start(replies).await;
    let read = within("an answer", kept_at(&manager.url()).read()).await;
    (read, manager.requests().len())
}

/// Why it cannot be read. Panics if that gives away what must not be shown.
async fn refused(reply: SecretReply, times: usize) -> String {
    let (read, asked) = read([reply.clone()]).await;
    let error = read.expect_err("unreadable");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    assert_eq!(asked, times, "{reply:?}");
    let error = error.to_string();
    error.strip_prefix(&format!("the secret {ARN} ")).expect("it is named").to_owned()
}

#[tokio::test]
async fn the_secret_is_asked_for_in_the_functions_name() {
    let manager = SecretsManager::start([Text(format!("{URI}\n"))]).await;
    let read = kept_at(&manager.url()).read().await.expect("the secret");
    assert_eq!(&*read, URI, "without the line end that came along");
    let request = manager.requests().remove(0);
    assert_eq!(request.body, json!({ "SecretId": ARN }));
    assert_eq!(request.token, "a token");
    let scope = request.authorization.strip_prefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/");
    let scope = scope.and_then(|rest| rest.split_once(',')).expect("a signature").0;
    assert_eq!(scope.split_once('/').expect("a date").1, "eu-central-1/secretsmanager/aws4_request");
}

#[tokio::test]
async fn what_the_environment_gives_wins() {
    let manager = SecretsManager::start([Error("AccessDeniedException")]).await;
    let url = manager.url();
    let both = [("MONGODB_URI", URI), ("MONGODB_SECRET_ARN", ARN), ("AWS_ENDPOINT_URL", url.as_str())];
    let both = from(&both).expect("all is set");
    assert_eq!(&*both.read().await.expect("a string"), URI);
    assert!(manager.requests().is_empty());
    assert!(!format!("{both:?}").contains("hunter2"));
}

#[test]
fn what_is_missing_is_named() {
    let neither = "the environment variable MONGODB_SECRET_ARN or MONGODB_URI must be set";
    assert_eq!(from(&[]).expect_err("neither"), neither);
    assert_eq!(from(&[("MONGODB_URI", ""), ("MONGODB_SECRET_ARN", "")]).expect_err("neither"), neither);
    let region = "the environment variable AWS_REGION must be set";
    assert_eq!(from(&[("MONGODB_SECRET_ARN", ARN)]).expect_err("no region"), region);
}

#[tokio::test]
async fn a_secret_that_is_not_given_out_says_why_at_once() {
    for name in ["AccessDeniedException", "ResourceNotFoundException", "DecryptionFailure"] {
        let why = refused(Error(name), 1).await;
        assert!(why.starts_with("cannot be read: ") && why.contains(name), "{why}");
        assert!(why.contains("injected error"), "the message of AWS: {why}");
    }
}

#[tokio::test]
async fn a_secret_that_is_no_connection_string_is_not_shown() {
    assert_eq!(refused(Binary, 1).await, "is binary; it must be the connection string");
    for text in ["", " ", "hunter2", r#"{"uri":"mongodb://user:hunter2@localhost"}"#, "http://hunter2"] {
        let why = refused(Text(text.into()), 1).await;
        assert_eq!(why, "must be the connection string alone, mongodb://… or mongodb+srv://…");
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_not_shown() {
    let why = refused(Torn(URI.into()), 1).await;
    assert_eq!(why, "cannot be read: it came in a form that is not known");
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    for passing in [Error("ThrottlingException"), Error("InternalServiceError"), Unavailable, Silence] {
        let (read, asked) = read([passing.clone(), Text(URI.into())]).await;
        assert_eq!((&*read.expect("the secret"), asked), (URI, 2), "{passing:?}");
    }
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let why = refused(Silence, 3).await;
    assert!(why.contains("no reply within 2 s"), "{why}");
    let nobody = kept_at("http://127.0.0.1:1").read().await.expect_err("nobody is there");
    assert!(nobody.to_string().contains("cannot be read"), "{nobody}");
}
