//! Steps that several cases share.

use std::future::Future;
use std::ops::Range;

use eventlog_ledger::{Draft, Event, EventStore};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::draft;

pub(super) async fn append(log: &impl EventStore, drafts: &[Draft]) -> Vec<Event> {
    log.append(drafts.to_vec()).await.expect("an append")
}

/// Returns drafts whose payloads are the numbers of a range.
pub(super) fn numbered(range: Range<usize>) -> Vec<Draft> {
    range.map(|n| draft("numbered", &format!(r#"{{"n":{n}}}"#))).collect()
}

/// Returns random values of a strategy.
pub(super) fn samples<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::default();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a sample").current()).collect()
}

/// Runs futures as concurrent tasks and returns their outputs in order.
pub(super) async fn run_concurrently<F>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await.expect("no panic"));
    }
    outputs
}
