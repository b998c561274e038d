//! A gateway that takes messages as it is told to, and remembers them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use eventlog_ledger::broadcast::{Message, Push, PushError};
use eventlog_testing::within;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// What became of the posts to one connection.
#[derive(Default)]
pub(crate) struct Posts {
    pub(crate) tried: usize,
    pub(crate) taken: Vec<Bytes>,
}

type Script = dyn Fn(&str, usize) -> BoxFuture<'static, Result<(), PushError>> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Gateway {
    script: Arc<Script>,
    posts: Arc<watch::Sender<HashMap<String, Posts>>>,
}

impl Gateway {
    /// Asks the script about each post, given the connection and how often it was tried before.
    pub(crate) fn new<F>(script: impl Fn(&str, usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), PushError>> + Send + 'static,
    {
        let script = move |connection: &str, nth: usize| -> BoxFuture<'static, _> {
            Box::pin(script(connection, nth))
        };
        Self { script: Arc::new(script), posts: Arc::default() }
    }

    /// One whose script need not wait for anything.
    pub(crate) fn answering(
        script: impl Fn(&str, usize) -> Result<(), PushError> + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |connection, nth| std::future::ready(script(connection, nth)))
    }

    /// One that takes everything.
    pub(crate) fn willing() -> Self {
        Self::answering(|_, _| Ok(()))
    }

    /// What the connection has taken, repeats included.
    pub(crate) fn taken(&self, connection: &str) -> Vec<Bytes> {
        self.posts.borrow().get(connection).map(|posts| posts.taken.clone()).unwrap_or_default()
    }

    pub(crate) fn tried(&self, connection: &str) -> usize {
        self.posts.borrow().get(connection).map_or(0, |posts| posts.tried)
    }

    /// Waits until so many posts to the connection were begun.
    pub(crate) async fn has_tried(&self, connection: &str, posts: usize) {
        let enough = |all: &HashMap<_, Posts>| all.get(connection).is_some_and(|one| one.tried >= posts);
        let what = format!("{posts} posts to {connection}");
        within(&what, self.posts.subscribe().wait_for(enough)).await.expect("the gateway is still there");
    }

    /// Waits until the connection has taken so many messages.
    pub(crate) async fn has_taken(&self, connection: &str, messages: usize) {
        let enough =
            |all: &HashMap<_, Posts>| all.get(connection).is_some_and(|one| one.taken.len() >= messages);
        let what = format!("{messages} messages for {connection}");
        within(&what, self.posts.subscribe().wait_for(enough)).await.expect("the gateway is still there");
    }

    /// Waits until the connection has taken this message.
    pub(crate) async fn has_got(&self, connection: &str, message: &Bytes) {
        let there =
            |all: &HashMap<_, Posts>| all.get(connection).is_some_and(|one| one.taken.contains(message));
        let what = format!("a message for {connection}");
        within(&what, self.posts.subscribe().wait_for(there)).await.expect("the gateway is still there");
    }
}

impl Push for Gateway {
    async fn post(&self, connection: &str, message: Message) -> Result<(), PushError> {
        let mut nth = 0;
        self.posts.send_modify(|posts| {
            let posts = posts.entry(connection.to_owned()).or_default();
            nth = posts.tried;
            posts.tried += 1;
        });
        (self.script)(connection, nth).await?;
        // Some take longer than others.
        for _ in 0..nth % 3 {
            tokio::task::yield_now().await;
        }
        self.posts
            .send_modify(|posts| posts.entry(connection.to_owned()).or_default().taken.push(message.json()));
        Ok(())
    }
}
