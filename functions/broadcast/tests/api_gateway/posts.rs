//! One post: what is sent, and what its answer means.

use eventlog_ledger::broadcast::PushError::{Gone, Refused, Unavailable};
use eventlog_ledger::broadcast::{Message, Push, PushError};
use eventlog_testing::within;

use crate::endpoint::Reply::{Fault, Silence, Status};
use crate::endpoint::{Gateway, Reply, TAKEN, client};

#[tokio::test]
async fn a_post_is_signed_and_its_id_is_encoded() {
    let gateway = Gateway::start(|_, _| TAKEN).await;
    gateway.client("/prod").post("L0SM9cOFvHcCIhw=", Message::event("{\"é\":1}")).await.expect("taken");
    let posts = gateway.posts();
    assert_eq!((posts.len(), posts[0].body.as_str()), (1, "{\"é\":1}"));
    assert_eq!(posts[0].path, "/prod/@connections/L0SM9cOFvHcCIhw%3D");
    let header = |name: &str| posts[0].headers[name].to_str().expect("text");
    assert_eq!(header("x-amz-security-token"), "a token");
    let signed = header("authorization").strip_prefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/");
    let signed = signed.and_then(|signed| signed.split_once('/')).expect("a signature");
    let date = header("x-amz-date").split('T').next();
    assert_eq!(Some(signed.0), date, "of today");
    assert!(
        signed.1.starts_with(
            "eu-central-1/execute-api/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{signed:?}"
    );
}

#[tokio::test]
async fn the_stage_stays_in_the_path() {
    let gateway = Gateway::start(|_, _| TAKEN).await;
    for (stage, path) in [
        ("/prod", "/prod/@connections/a%2Fb%3D"),
        ("/prod/", "/prod/@connections/a%2Fb%3D"),
        ("/one/two", "/one/two/@connections/a%2Fb%3D"),
        ("", "/@connections/a%2Fb%3D"),
    ] {
        gateway.client(stage).post("a/b=", Message::event("{}")).await.expect("taken");
        assert_eq!(gateway.posts().last().map(|post| post.path.as_str()), Some(path));
    }
}

async fn answered(reply: Reply) -> Result<(), PushError> {
    let gateway = Gateway::start(move |_, _| reply).await;
    let answer = within("an answer", gateway.client("/prod").post("a=", Message::event("{}"))).await;
    assert_eq!(gateway.posts().len(), 1, "nothing is repeated here: {reply:?}");
    answer
}

/// Whether or not the reply names its error.
#[tokio::test]
async fn each_status_means_what_it_should() {
    assert!(matches!(answered(Status(200)).await, Ok(())));
    for gone in [Status(410), Fault(410, "GoneException")] {
        assert!(matches!(answered(gone).await, Err(Gone)), "{gone:?}");
    }
    for refused in [Status(413), Fault(413, "PayloadTooLargeException"), Fault(400, "BadRequestException")] {
        assert!(matches!(answered(refused).await, Err(Refused(_))), "{refused:?}");
    }
    for later in [
        Status(429),
        Fault(429, "LimitExceededException"),
        Status(500),
        Fault(500, "InternalServerError"),
        Status(502),
        // Permissions and addresses can be mended.
        Status(403),
        Fault(403, "ForbiddenException"),
        Status(404),
        Status(503),
        Status(301),
    ] {
        assert!(matches!(answered(later).await, Err(Unavailable(_))), "{later:?}");
    }
}

#[tokio::test]
async fn who_is_not_there_or_never_answers_may_be_back_later() {
    let nobody = client("http://127.0.0.1:1/prod").post("a=", Message::event("{}")).await;
    assert!(matches!(nobody, Err(Unavailable(_))), "{nobody:?}");
    let silent = answered(Silence).await;
    assert!(matches!(silent, Err(Unavailable(_))), "{silent:?}");
}

/// More than a process on Lambda may have connections.
#[tokio::test]
async fn two_thousand_posts_at_once_are_taken() {
    let gateway = Gateway::start(|_, _| TAKEN).await;
    let client = gateway.client("/prod");
    let posts = (0..2000).map(|n| {
        let client = client.clone();
        tokio::spawn(async move { client.post(&format!("{n}="), Message::event("{}")).await })
    });
    for post in posts.collect::<Vec<_>>() {
        within("a post", post).await.expect("no panic").expect("taken");
    }
    assert_eq!(gateway.posts().len(), 2000);
    assert!((2..=100).contains(&gateway.most_at_once()), "{} at once", gateway.most_at_once());
}
