//! A group of jobs as one transaction.

use eventlog_ledger::{Draft, Event, Head, RequestId, StoreError, Submission, now};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::rows::{Insert, event, head, logged, place};
use crate::writer::Work;

/// What a job came to, for its reply after the commit.
pub(crate) enum Outcome {
    Appended(Result<Vec<Event>, StoreError>),
    Restored(Result<Option<Head>, StoreError>),
}

/// Does all jobs in their order and commits. An error undoes all of them.
pub(crate) fn commit<'w>(
    connection: &mut Connection,
    group: impl Iterator<Item = &'w mut Work>,
) -> rusqlite::Result<Vec<Outcome>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut end = End { last: head(&transaction)?, insert: Insert::into(&transaction)? };
    let outcomes = group.filter_map(|work| match work {
        Work::Append(submission, _) => {
            Some(append(&transaction, &mut end, submission).map(Outcome::Appended))
        }
        Work::Restore(head, events, _) => {
            Some(restore(&transaction, &mut end, *head, events).map(Outcome::Restored))
        }
        Work::Close(_) => None,
    });
    let outcomes = outcomes.collect::<rusqlite::Result<_>>()?;
    drop(end);
    transaction.commit()?;
    Ok(outcomes)
}

/// The end of the log, after which the next event is linked.
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

/// Appends all drafts, or none if some of the ids belong to another request.
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
        // SQLite undoes the statement only; the transaction stays open.
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
