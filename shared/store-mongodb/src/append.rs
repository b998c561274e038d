//! The append: compare-and-swap on the unique index of `seq`.

use std::collections::HashMap;
use std::time::Duration;

use eventlog_ledger::{Draft, Event, EventId, EventStore, Head, StoreError, now};
use mongodb::error::Error;
use tokio::time::{sleep, timeout};

use crate::database::{is_duplicate_key, store_error};
use crate::events::{EventDocument, Events};

/// An append that takes longer is given up: the request it serves has 30 s.
const DEADLINE: Duration = Duration::from_secs(15);
/// Attempts that may fail for another reason than that somebody else was first.
const FAULTS: u32 = 3;
/// Majority reads lag a little behind the write that was in the way.
const BACK_OFF: Duration = Duration::from_millis(3);
const FAULT_BACK_OFF: Duration = Duration::from_millis(200);

pub(crate) async fn append(log: &Events, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
    log.ensure_indexes().await?;
    let timed_out = |_| StoreError::unavailable("the append timed out; whether it was done is unknown");
    timeout(DEADLINE, append_until_linked(log, drafts)).await.map_err(timed_out)?
}

async fn append_until_linked(log: &Events, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
    let order: Vec<EventId> = drafts.iter().map(|draft| draft.id).collect();
    let mut linked = HashMap::new();
    let mut missing = drafts;
    let mut faults = 0;
    // Taken out: an append that is given up half-way leaves no head behind that it is not sure of.
    let mut known = log.head.lock().await;
    let mut head = known.take();
    loop {
        if head.is_none() {
            head = log.head().await?;
        }
        let (last, events) = link(&missing, head);
        match insert(log, head, &events).await {
            Ok(()) => {
                *known = last;
                linked.extend(events.into_iter().map(|event| (event.id, event)));
                break;
            }
            // I4: whatever the error says, nothing is known until it was looked up.
            Err(error) => {
                let found = log.look_up(missing.iter().map(|draft| draft.id).collect()).await?;
                missing.retain(|draft| !found.contains_key(&draft.id));
                linked.extend(found);
                if missing.is_empty() {
                    break;
                }
                if is_duplicate_key(&error) {
                    sleep(BACK_OFF).await;
                } else if faults < FAULTS {
                    faults += 1;
                    sleep(FAULT_BACK_OFF).await;
                } else {
                    return Err(store_error(error));
                }
                head = None;
            }
        }
    }
    Ok(order.into_iter().filter_map(|id| linked.get(&id).cloned()).collect())
}

/// Links the drafts behind `head`; answers the new head too.
fn link(drafts: &[Draft], mut head: Option<Head>) -> (Option<Head>, Vec<Event>) {
    let now = now();
    let mut events = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let event = draft.clone().link(head.map(|head| head.tip), now);
        head = Some(Head::of(Head::next_seq(head.as_ref()), &event));
        events.push(event);
    }
    (head, events)
}

/// I5: an ordered insert stops at the first document that does not fit.
async fn insert(log: &Events, head: Option<Head>, events: &[Event]) -> Result<(), Error> {
    let first = Head::next_seq(head.as_ref());
    let documents = (first..).zip(events).map(|(seq, event)| EventDocument::new(seq, event.clone()));
    log.collection.insert_many(documents).ordered(true).await.map(drop)
}
