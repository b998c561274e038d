//! The one thread that writes: what waits while it commits shares its next commit.

use std::sync::{Arc, mpsc};

use eventlog_ledger::{Draft, Event, Head, RequestId, StoreError, Submission, now};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{Notify, oneshot};

use crate::rows::{Insert, event, head, logged, place, store_error};

/// Events in one transaction: enough to share the cost of a commit, few enough to answer soon.
const MAX_GROUP: usize = 1000;

#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// What is asked for, and who waits for the answer.
enum Job {
    Append(Submission, oneshot::Sender<Result<Vec<Event>, StoreError>>),
    Restore(Option<Head>, Vec<Event>, oneshot::Sender<Result<Option<Head>, StoreError>>),
}

impl Job {
    fn events(&self) -> usize {
        match self {
            Self::Append(submission, _) => submission.drafts.len(),
            Self::Restore(_, events, _) => events.len(),
        }
    }

    fn refuse(self, reason: &str) {
        let error = StoreError::unavailable(reason.to_owned());
        // A caller that no longer waits is nobody's loss, here and below: the log is as it is.
        match self {
            Self::Append(_, answer) => drop(answer.send(Err(error))),
            Self::Restore(_, _, answer) => drop(answer.send(Err(error))),
        }
    }
}

/// What was done, to be told once it is committed.
enum Done {
    Appended(Result<Vec<Event>, StoreError>),
    Restored(Result<Option<Head>, StoreError>),
}

impl Writer {
    /// Starts the thread. It ends when the last handle is gone and all that was asked for is done.
    pub(crate) fn start(mut connection: Connection, appended: Arc<Notify>) -> Self {
        let (jobs, waiting) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let mut events = first.events();
                let mut group = vec![first];
                while events < MAX_GROUP
                    && let Ok(job) = waiting.try_recv()
                {
                    events += job.events();
                    group.push(job);
                }
                commit(&mut connection, group);
                appended.notify_one();
            }
        });
        Self { jobs }
    }

    pub(crate) async fn append(&self, submission: Submission) -> Result<Vec<Event>, StoreError> {
        self.ask(|answer| Job::Append(submission, answer)).await
    }

    pub(crate) async fn restore(
        &self,
        head: Option<Head>,
        events: Vec<Event>,
    ) -> Result<Option<Head>, StoreError> {
        self.ask(|answer| Job::Restore(head, events, answer)).await
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || StoreError::unavailable("the writer has stopped");
        self.jobs.send(job(answer)).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Does a group of jobs as one transaction, and only then answers them.
fn commit(connection: &mut Connection, mut group: Vec<Job>) {
    match do_all(connection, &mut group) {
        Ok(done) => {
            for (job, done) in group.into_iter().zip(done) {
                match (job, done) {
                    (Job::Append(_, answer), Done::Appended(events)) => drop(answer.send(events)),
                    (Job::Restore(_, _, answer), Done::Restored(head)) => drop(answer.send(head)),
                    (job, _) => job.refuse("it got the answer to another question"),
                }
            }
        }
        Err(error) => {
            let reason = store_error(error).to_string();
            group.into_iter().for_each(|job| job.refuse(&reason));
        }
    }
}

fn do_all(connection: &mut Connection, group: &mut [Job]) -> rusqlite::Result<Vec<Done>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut end = End { last: head(&transaction)?, insert: Insert::into(&transaction)? };
    let done = group.iter_mut().map(|job| {
        Ok(match job {
            Job::Append(submission, _) => Done::Appended(append(&transaction, &mut end, submission)?),
            Job::Restore(head, events, _) => Done::Restored(restore(&transaction, &mut end, *head, events)?),
        })
    });
    let done = done.collect::<rusqlite::Result<_>>()?;
    drop(end);
    transaction.commit()?;
    Ok(done)
}

/// Where the next event goes.
struct End<'c> {
    last: Option<Head>,
    insert: Insert<'c>,
}

impl End<'_> {
    fn put(&mut self, event: &Event, request: Option<RequestId>) -> rusqlite::Result<()> {
        let seq = Head::next_seq(self.last.as_ref());
        self.insert.row(seq, event, request)?;
        self.last = Some(Head::of(seq, event));
        Ok(())
    }
}

/// All, or nothing where some of the ids belong to another request.
fn append(
    transaction: &Connection,
    end: &mut End<'_>,
    submission: &mut Submission,
) -> rusqlite::Result<Result<Vec<Event>, StoreError>> {
    if submission.request.is_some() {
        for draft in &submission.drafts {
            if let Some((event, request)) = logged(transaction, draft.id)?
                && !submission.is_of(&event, request)
            {
                return Ok(Err(StoreError::Conflict));
            }
        }
    }
    let append = |draft| append_one(transaction, end, draft, submission.request);
    std::mem::take(&mut submission.drafts).into_iter().map(append).collect::<rusqlite::Result<_>>().map(Ok)
}

fn append_one(
    transaction: &Connection,
    end: &mut End<'_>,
    draft: Draft,
    request: Option<RequestId>,
) -> rusqlite::Result<Event> {
    let linked = draft.link(end.last.map(|head| head.tip), now());
    match end.put(&linked, request) {
        Ok(()) => Ok(linked),
        // Only the statement is undone, the transaction goes on.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            event(transaction, linked.id)?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

fn restore(
    transaction: &Connection,
    end: &mut End<'_>,
    head: Option<Head>,
    events: &[Event],
) -> rusqlite::Result<Result<Option<Head>, StoreError>> {
    let mut ids = events.iter().map(|event| event.id).collect::<Vec<_>>();
    ids.sort_unstable();
    let is_repeated = ids.windows(2).any(|pair| pair[0] == pair[1]);
    let is_there = ids.iter().map(|id| place(transaction, *id)).collect::<rusqlite::Result<Vec<_>>>()?;
    if end.last != head || is_repeated || is_there.iter().any(Option::is_some) {
        return Ok(Err(StoreError::Conflict));
    }
    for event in events {
        end.put(event, None)?;
    }
    Ok(Ok(end.last))
}
