//! The one thread that writes. Jobs that arrive during a commit share the next commit.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use eventlog_ledger::{Event, Head, StoreError, Submission};
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use crate::checkpoints;
use crate::error::{is_busy, store_error};
use crate::group::{self, Outcome};
use crate::identity::Identity;

/// Maximum number of events in one transaction: many share the cost of a commit, and yet it answers soon.
const MAX_GROUP: usize = 1000;

/// How long a job may wait, for other jobs and for a process that holds the lock.
pub(crate) const JOB_TIMEOUT: Duration = Duration::from_secs(5);

/// Hands jobs to the writing thread, which ends after the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// A request to the writing thread, with the channel for its reply.
pub(crate) struct Job {
    pub(crate) work: Work,
    deadline: Instant,
}

pub(crate) enum Work {
    Append(Submission, oneshot::Sender<Result<Vec<Event>, StoreError>>),
    Restore(Option<Head>, Vec<Event>, oneshot::Sender<Result<Option<Head>, StoreError>>),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

impl Work {
    fn events(&self) -> usize {
        match self {
            Self::Append(submission, _) => submission.drafts.len(),
            Self::Restore(_, events, _) => events.len(),
            Self::Close(_) => 0,
        }
    }

    fn refuse(self, error: StoreError) {
        // A caller that has left needs no reply, here and below.
        match self {
            Self::Append(_, reply) => drop(reply.send(Err(error))),
            Self::Restore(_, _, reply) => drop(reply.send(Err(error))),
            Self::Close(reply) => drop(reply.send(Err(error))),
        }
    }

    fn reply(self, outcome: Outcome) {
        match (self, outcome) {
            (Self::Append(_, reply), Outcome::Appended(events)) => drop(reply.send(events)),
            (Self::Restore(_, _, reply), Outcome::Restored(head)) => drop(reply.send(head)),
            (work, _) => work.refuse(StoreError::unavailable("the reply is not of this job")),
        }
    }
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection, identity: Arc<Identity>, appended: Arc<Notify>) -> Self {
        let (jobs, waiting) = mpsc::channel();
        std::thread::spawn(move || Thread { connection, identity, appended }.run(&waiting));
        Self { jobs }
    }

    pub(crate) async fn append(&self, submission: Submission) -> Result<Vec<Event>, StoreError> {
        self.request(|reply| Work::Append(submission, reply)).await
    }

    pub(crate) async fn restore(
        &self,
        head: Option<Head>,
        events: Vec<Event>,
    ) -> Result<Option<Head>, StoreError> {
        self.request(|reply| Work::Restore(head, events, reply)).await
    }

    /// Copies everything committed into the database file.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        self.request(Work::Close).await
    }

    async fn request<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Work,
    ) -> Result<T, StoreError> {
        let (reply, replied) = oneshot::channel();
        let stopped = || StoreError::unavailable("the writer has stopped");
        let job = Job { work: work(reply), deadline: Instant::now() + JOB_TIMEOUT };
        self.jobs.send(job).map_err(|_| stopped())?;
        replied.await.map_err(|_| stopped())?
    }
}

struct Thread {
    connection: Connection,
    identity: Arc<Identity>,
    appended: Arc<Notify>,
}

impl Thread {
    fn run(mut self, waiting: &mpsc::Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let mut events = first.work.events();
            let mut group = vec![first];
            while events < MAX_GROUP
                && let Ok(job) = waiting.try_recv()
            {
                events += job.work.events();
                group.push(job);
            }
            self.commit(group);
            self.appended.notify_one();
        }
        checkpoints::detach_if_replaced(&self.connection, &self.identity);
    }

    /// Does a group of jobs as one transaction, and only then replies to them.
    fn commit(&mut self, group: Vec<Job>) {
        let (closes, mut group): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|job| matches!(job.work, Work::Close(_)));
        loop {
            refuse_expired(&mut group);
            let Some(deadline) = group.iter().map(|job| job.deadline).min() else { break };
            match self.try_commit(&mut group, deadline) {
                Ok(outcomes) => {
                    group.into_iter().zip(outcomes).for_each(|(job, outcome)| job.work.reply(outcome));
                    break;
                }
                // Another process holds the lock. Jobs with time left try again.
                Err(Failure::Sqlite(error)) if is_busy(&error) && Instant::now() >= deadline => {}
                Err(failure) => {
                    group.into_iter().for_each(|job| job.work.refuse(failure.store_error()));
                    break;
                }
            }
        }
        closes.into_iter().for_each(|job| match job.work {
            Work::Close(reply) => drop(reply.send(self.close())),
            work => work.refuse(StoreError::unavailable("the reply is not of this job")),
        });
    }

    fn try_commit(&mut self, group: &mut [Job], deadline: Instant) -> Result<Vec<Outcome>, Failure> {
        self.check_identity()?;
        // SQLite counts whole milliseconds.
        let left = deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        self.connection.busy_timeout(left)?;
        let outcomes = group::commit(&mut self.connection, group.iter_mut().map(|job| &mut job.work))?;
        // A file that was removed during the commit has nothing of it for the next process.
        self.check_identity()?;
        Ok(outcomes)
    }

    fn check_identity(&self) -> Result<(), Failure> {
        self.identity.check().inspect_err(|_| {
            // Without the log at its path the next process sees only what is in the database file.
            if self.identity.is_without_log() {
                let _ = checkpoints::copy_all(&self.connection);
            }
        })?;
        Ok(())
    }

    fn close(&self) -> Result<(), StoreError> {
        self.check_identity().map_err(|failure| failure.store_error())?;
        checkpoints::copy_all(&self.connection).map_err(store_error)
    }
}

fn refuse_expired(group: &mut Vec<Job>) {
    let now = Instant::now();
    for job in group.extract_if(.., |job| job.deadline <= now) {
        job.work.refuse(StoreError::unavailable("another process holds the lock on the database"));
    }
}

/// Why no job of a group was done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Replaced(#[from] crate::identity::Replaced),
}

impl Failure {
    /// Returns the failure as an error for each of the jobs.
    fn store_error(&self) -> StoreError {
        match self {
            Self::Sqlite(error) if crate::error::is_damage(error) => {
                StoreError::Corrupt { id: None, what: error.to_string() }
            }
            _ => StoreError::unavailable(self.to_string()),
        }
    }
}
