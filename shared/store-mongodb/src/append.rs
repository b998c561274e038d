//! The append: compare-and-swap on the unique index of `seq`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::{Draft, Event, EventId, Head, StoreError, now};
use mongodb::IndexModel;
use mongodb::bson::doc;
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{sleep, timeout};

use crate::database::{is_duplicate_key, store_error};
use crate::documents::{Documents, EventDocument, events, head};

/// An append that takes longer is given up: the request it serves has 30 s.
const DEADLINE: Duration = Duration::from_secs(15);
/// Attempts that may fail for another reason than that somebody else was first.
const FAULTS: u32 = 3;
/// Majority reads lag a little behind the write that was in the way.
const BACK_OFF: Duration = Duration::from_millis(3);
const FAULT_BACK_OFF: Duration = Duration::from_millis(200);

/// Links drafts behind the head, whoever else does.
#[derive(Clone)]
pub(crate) struct Appender {
    documents: Documents,
    indexed: Arc<OnceCell<()>>,
    /// The head that this process knows of: a majority-committed event (I3). Locked for the whole of an append,
    /// as others of this process would only collide with it.
    head: Arc<Mutex<Option<Head>>>,
}

impl Appender {
    pub(crate) fn new(documents: Documents) -> Self {
        Self { documents, indexed: Arc::default(), head: Arc::default() }
    }

    pub(crate) async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let append = async {
            self.ensure_indexes().await?;
            self.append_until_linked(drafts).await
        };
        let timed_out = |_| StoreError::unavailable("the append timed out; whether it was done is unknown");
        timeout(DEADLINE, append).await.map_err(timed_out)?
    }

    /// I0 and I2.
    async fn ensure_indexes(&self) -> Result<(), StoreError> {
        let create = async || {
            let unique = IndexOptions::builder().unique(true).build();
            let seq = IndexModel::builder().keys(doc! { "seq": 1 }).options(unique).build();
            self.documents.create_index(seq).await.map(drop)
        };
        self.indexed.get_or_try_init(create).await.map(drop).map_err(store_error)
    }

    async fn append_until_linked(&self, drafts: Vec<Draft>) -> Result<Vec<Event>, StoreError> {
        let order: Vec<EventId> = drafts.iter().map(|draft| draft.id).collect();
        let mut linked = HashMap::new();
        let mut missing = drafts;
        let mut faults = 0;
        let mut known = self.head.lock().await;
        // Taken out: an append that is given up half-way leaves no head behind that it is not sure of.
        let mut last = known.take();
        while !missing.is_empty() {
            if last.is_none() {
                last = head(&self.documents).await?;
            }
            let (new_last, new) = link(&missing, last);
            match self.insert(last, &new).await {
                Ok(()) => {
                    *known = new_last;
                    missing.clear();
                    linked.extend(new.into_iter().map(|event| (event.id, event)));
                }
                // I4: whatever the error says, nothing is known until it was looked up.
                Err(error) => {
                    let found = events(&self.documents, missing.iter().map(|draft| draft.id)).await?;
                    missing.retain(|draft| !found.contains_key(&draft.id));
                    linked.extend(found);
                    if is_duplicate_key(&error) {
                        sleep(BACK_OFF).await;
                    } else if faults < FAULTS {
                        faults += 1;
                        sleep(FAULT_BACK_OFF).await;
                    } else if !missing.is_empty() {
                        return Err(store_error(error));
                    }
                    last = None;
                }
            }
        }
        Ok(order.into_iter().filter_map(|id| linked.get(&id).cloned()).collect())
    }

    /// I5: an ordered insert stops at the first document that does not fit.
    async fn insert(&self, last: Option<Head>, new: &[Event]) -> Result<(), Error> {
        let first = Head::next_seq(last.as_ref());
        let documents = (first..).zip(new).map(|(seq, event)| EventDocument::new(seq, event.clone()));
        self.documents.insert_many(documents).ordered(true).await.map(drop)
    }
}

/// Links the drafts behind `last`; answers the new head too.
fn link(drafts: &[Draft], mut last: Option<Head>) -> (Option<Head>, Vec<Event>) {
    let now = now();
    let mut events = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let event = draft.clone().link(last.map(|head| head.tip), now);
        last = Some(Head::of(Head::next_seq(last.as_ref()), &event));
        events.push(event);
    }
    (last, events)
}
