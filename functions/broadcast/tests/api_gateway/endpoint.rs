//! An endpoint in the place of `@connections`.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eventlog_aws::{Caller, Client};
use eventlog_broadcast::ApiGateway;
use eventlog_testing::Endpoint;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;

/// What a post is answered with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// This status and nothing else.
    Status(u16),
    /// This status and the name of an error, as the API does it.
    Fault(u16, &'static str),
    /// Nothing, ever.
    Silence,
}

pub(crate) const TAKEN: Reply = Reply::Status(200);

/// A post as it came.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) struct Gateway {
    endpoint: Endpoint,
    posts: Arc<Mutex<Vec<Post>>>,
    most_at_once: Arc<AtomicUsize>,
}

impl Gateway {
    /// Asks the script about each post, given its path and how many came there before.
    pub(crate) async fn start(script: impl Fn(&str, usize) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let posts: Arc<Mutex<Vec<Post>>> = Arc::default();
        let noted = posts.clone();
        let most_at_once: Arc<AtomicUsize> = Arc::default();
        let (most, at_once) = (most_at_once.clone(), Arc::new(AtomicUsize::new(0)));
        let endpoint = Endpoint::start(move |request: Request<Bytes>| {
            let post = Post {
                path: request.uri().path().to_owned(),
                headers: request.headers().clone(),
                body: String::from_utf8(request.body().to_vec()).expect("text"),
            };
            let mut posts = noted.lock().expect("no panic");
            let reply = script(&post.path, posts.iter().filter(|before| before.path == post.path).count());
            posts.push(post);
            most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
            let at_once = at_once.clone();
            async move {
                // Long enough for others to come.
                tokio::task::yield_now().await;
                at_once.fetch_sub(1, SeqCst);
                answer(reply).await
            }
        });
        Self { endpoint: endpoint.await, posts, most_at_once }
    }

    /// A client of it, with this behind its address.
    pub(crate) fn client(&self, stage: &str) -> ApiGateway {
        client(&format!("{}{stage}", self.endpoint.url()))
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.posts.lock().expect("no panic").clone()
    }

    /// How many posts there were that came before another was answered.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(SeqCst)
    }

    /// The bodies that came to a path.
    pub(crate) fn bodies(&self, path: &str) -> Vec<String> {
        let posts = self.posts().into_iter();
        posts.filter(|post| post.path == path).map(|post| post.body).collect()
    }
}

pub(crate) fn client(url: &str) -> ApiGateway {
    let caller = Caller {
        region: "eu-central-1".into(),
        access_key_id: "AKIDEXAMPLE".into(),
        secret_access_key: "hunter2".to_owned().into(),
        session_token: Some("a token".to_owned().into()),
    };
    ApiGateway::new(&url.parse().expect("a URL"), Client::new(caller))
}

async fn answer(reply: Reply) -> Response<Full<Bytes>> {
    let response = Response::builder();
    let response = match reply {
        Reply::Status(status) => response.status(status).body(Full::default()),
        Reply::Fault(status, name) => response
            .status(status)
            .header("x-amzn-errortype", name)
            .header("content-type", "application/json")
            .body(Full::from(r#"{"message":"as it was told"}"#)),
        Reply::Silence => std::future::pending().await,
    };
    response.expect("a response")
}
