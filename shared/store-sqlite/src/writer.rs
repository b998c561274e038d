//! The one thread that writes: what waits while it commits shares its next commit.

use std::sync::{Arc, mpsc};

use eventlog_ledger::{Draft, Event, Head, StoreError, now};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{Notify, oneshot};

use crate::rows::{event, head, insert, store_error};

/// Events in one transaction: enough to share the cost of a commit, few enough to answer soon.
const MAX_GROUP: usize = 1000;

#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    drafts: Vec<Draft>,
    answer: oneshot::Sender<Result<Vec<Event>, StoreError>>,
}

impl Writer {
    /// Starts the thread. It ends when the last handle is gone and all that was asked for is done.
    pub(crate) fn start(mut connection: Connection, appended: Arc<Notify>) -> Self {
        let (jobs, waiting) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let mut group = vec![first];
                let mut events = group[0].drafts.len();
                while events < MAX_GROUP
                    && let Ok(job) = waiting.try_recv()
                {
                    events += job.drafts.len();
                    group.push(job);
                }
                commit(&mut connection, group);
                appended.notify_one();
            }
        });
        Self { jobs }
    }

    pub(crate) async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || StoreError::unavailable("the writer has stopped");
        self.jobs.send(Job { drafts, answer }).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Appends a group of jobs as one transaction, and only then answers them.
fn commit(connection: &mut Connection, group: Vec<Job>) {
    let (drafts, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.drafts, job.answer)).unzip();
    // A caller that no longer waits for its answer is nobody's loss: the event is in the log.
    match append_all(connection, drafts) {
        Ok(events) => {
            for (answer, events) in answers.into_iter().zip(events) {
                let _ = answer.send(Ok(events));
            }
        }
        Err(error) => {
            let reason = error.to_string();
            for answer in answers {
                let _ = answer.send(Err(StoreError::unavailable(reason.clone())));
            }
        }
    }
}

fn append_all(connection: &mut Connection, group: Vec<Vec<Draft>>) -> Result<Vec<Vec<Event>>, StoreError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    let mut last = head(&transaction).map_err(store_error)?;
    let mut append = |draft| append_one(&transaction, &mut last, draft);
    let events = group
        .into_iter()
        .map(|drafts| drafts.into_iter().map(&mut append).collect())
        .collect::<Result<_, _>>()
        .map_err(store_error)?;
    transaction.commit().map_err(store_error)?;
    Ok(events)
}

fn append_one(transaction: &Connection, last: &mut Option<Head>, draft: Draft) -> rusqlite::Result<Event> {
    let seq = Head::next_seq(last.as_ref());
    let linked = draft.link(last.map(|head| head.tip), now());
    match insert(transaction, seq, &linked) {
        Ok(()) => {
            *last = Some(Head::of(seq, &linked));
            Ok(linked)
        }
        // Only the statement is undone, the transaction goes on.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            event(transaction, linked.id)?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}
