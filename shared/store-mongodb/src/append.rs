//! The append: one round trip when nobody else writes, group commit when many do.
//!
//! Everything rests on two unique indexes, `_id` and `seq`: whoever is late, stale or repeated hits one of them
//! on the first document, and an ordered insert stops there. `pending`, the lease and the head that a process
//! remembers are hints: wrong ones cost time.

use std::sync::Arc;
use std::time::Duration;

use eventlog_ledger::{Event, Head, StoreError, Submission, new_id};
use futures_util::future::join;
use mongodb::bson::oid::ObjectId;
use mongodb::error::ErrorKind;
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::batch::Batch;
use crate::database::{Database, is_duplicate_key, store_error};
use crate::documents::{Documents, EventDocument, Logged, head, logged, tail};
use crate::group::{Learnt, link_all, link_group};
use crate::pending::Pending;
use crate::queries;

/// An append that takes longer is given up: the request it serves has 30 s.
const DEADLINE: Duration = Duration::from_secs(15);
/// After a collision others are taken to be writing for so long.
const HOT: Duration = Duration::from_millis(100);
/// In one process those who are alone append one after the other. Who has waited so long for his turn is not alone.
const QUEUE: Duration = Duration::from_millis(50);
/// So many appends of one process are with the others at once: twice its connections, or their questions would keep these
/// from whoever links.
const PLACES: usize = 16;
/// A writer that succeeds again so soon may be keeping others from it, so every 4th time it looks after them.
const RECENT: Duration = Duration::from_millis(50);
const HELP_EVERY: u32 = 4;
/// What is done for others only, and keeps an answer waiting, may take so long.
const HELP: Duration = Duration::from_secs(2);
/// A waiter asks whether it was linked after so many round trips, as its own publication took one, and then after
/// each; with every third question it asks for the lease.
const FIRST_POLL: u32 = 2;
const LEASE_EVERY: u32 = 3;
/// However long a round trip seems to be.
const MIN_POLL: Duration = Duration::from_millis(1);
const MAX_POLL: Duration = Duration::from_millis(20);
/// How long a waiter leaves it to the holder of the lease before it tries by itself, and before each further try. Where
/// clocks differ a dead holder may seem to be alive.
const PATIENCE: Duration = Duration::from_secs(1);
/// Majority reads lag a little behind the write that was in the way.
const BACK_OFF: Duration = Duration::from_millis(3);
/// Faults that one append tries to get over: an election, a connection that broke.
const FAULTS: u32 = 4;
const FAULT_BACK_OFF: Duration = Duration::from_millis(200);

/// Links drafts behind the head, whoever else does.
#[derive(Clone)]
pub(crate) struct Appender {
    documents: Documents,
    pending: Pending,
    indexed: Arc<OnceCell<()>>,
    memory: Arc<Mutex<Memory>>,
    places: Arc<Semaphore>,
}

/// What this process remembers of its last append.
#[derive(Default)]
struct Memory {
    /// The head it left behind: a majority-committed event (I3).
    head: Option<Head>,
    succeeded: Option<Instant>,
    successes: u32,
    hot_until: Option<Instant>,
}

impl Appender {
    pub(crate) fn new(database: &Database, documents: Documents) -> Self {
        let pending = Pending::new(&database.0);
        let places = Arc::new(Semaphore::new(PLACES));
        Self { documents, pending, indexed: Arc::default(), memory: Arc::default(), places }
    }

    pub(crate) async fn append(&self, submission: Submission) -> Result<Vec<Event>, StoreError> {
        let mut batch = Batch::new(submission);
        let timed_out = |_| StoreError::unavailable("the append timed out; whether it was done is unknown");
        let ended = timeout(DEADLINE, self.append_despite_faults(&mut batch)).await;
        // Or else what took so long was done for others.
        if !batch.is_done() {
            ended.map_err(timed_out)??;
        }
        Ok(batch.into_events())
    }

    /// I3 and I5 hold here too: behind a majority-committed head, in order.
    pub(crate) async fn restore(
        &self,
        expected: Option<Head>,
        events: Vec<Event>,
    ) -> Result<Option<Head>, StoreError> {
        self.ensure_indexes().await?;
        if head(&self.documents).await? != expected {
            return Err(StoreError::Conflict);
        }
        let mut last = expected;
        let mut documents = Vec::with_capacity(events.len());
        for event in events {
            let seq = Head::next_seq(last.as_ref());
            last = Some(Head::of(seq, &event));
            documents.push(EventDocument::new(seq, Logged { event, request: None }));
        }
        if documents.is_empty() {
            return Ok(last);
        }
        match self.documents.insert_many(documents).ordered(true).await {
            Ok(_) => Ok(last),
            Err(error) if is_duplicate_key(&error) => Err(StoreError::Conflict),
            Err(error) => Err(store_error(error)),
        }
    }

    /// After a fault nothing is known but what was looked up, so the rest is begun anew: `_id` keeps it from being
    /// linked twice.
    async fn append_despite_faults(&self, batch: &mut Batch) -> Result<(), StoreError> {
        for fault in 0.. {
            match self.attempt(batch).await {
                // What went wrong came after all was linked.
                Err(error) if batch.is_done() => {
                    tracing::warn!("cannot go on for others: {error}");
                    return Ok(());
                }
                Err(error) if fault < FAULTS && may_pass(&error) => sleep(jittered(FAULT_BACK_OFF)).await,
                ended => return ended,
            }
        }
        Ok(())
    }

    async fn attempt(&self, batch: &mut Batch) -> Result<(), StoreError> {
        self.ensure_indexes().await?;
        self.append_at_once(batch).await?;
        if batch.is_done() {
            return Ok(());
        }
        self.append_with_others(batch).await?;
        self.memory.lock().await.hot_until = Some(Instant::now() + HOT);
        Ok(())
    }

    /// I0 and I2.
    async fn ensure_indexes(&self) -> Result<(), StoreError> {
        let create = async || {
            let events = self.documents.create_index(queries::unique_places()).into_future();
            let (events, pending) = join(events, self.pending.ensure_indexes()).await;
            events.and(pending)
        };
        self.indexed.get_or_try_init(create).await.map(drop).map_err(store_error)
    }

    /// The way for one who is alone: insert behind the remembered head, or else behind the one there is. Leaves
    /// the batch unfinished where others are writing, in this process or another.
    async fn append_at_once(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let Ok(mut memory) = timeout(QUEUE, self.memory.lock()).await else { return Ok(()) };
        if memory.hot_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        while !batch.is_done() {
            // Taken out: an append that is given up half-way leaves no head behind that it is not sure of.
            let remembered = memory.head.take();
            let last = match remembered {
                Some(head) => Some(head),
                None => head(&self.documents).await?,
            };
            let (new_last, linked) = link_all(batch.missing(), batch.request(), last);
            let look = async { memory.should_help() && !self.pending.waiting().await.is_empty() };
            let mut learnt = Learnt::default();
            let (inserted, somebody_waits) = join(self.insert(last, &linked, batch, &mut learnt), look).await;
            if inserted? {
                memory.succeed(new_last);
                if somebody_waits {
                    memory.head = None;
                    memory.hot_until = Some(Instant::now() + HOT);
                    let owner = ObjectId::from_bytes(new_id().0);
                    // Our own events are logged in any case.
                    let mut nothing = Batch::new(Vec::new().into());
                    match timeout(HELP, self.combine(&mut nothing, owner)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::warn!("cannot link for others: {error}"),
                        Err(_) => tracing::warn!("cannot link for others: it takes too long"),
                    }
                }
            } else if remembered.is_none() && !batch.is_done() {
                memory.hot_until = Some(Instant::now() + HOT);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The way for one of many: wait to be linked, or link for all.
    async fn append_with_others(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let _place = self.places.acquire().await;
        let owner = ObjectId::from_bytes(new_id().0);
        let begin = Instant::now();
        let publish = self.pending.publish(batch.missing().to_vec(), batch.request());
        let (published, mine) = join(publish, self.pending.lease(owner)).await;
        if let Err(error) = published {
            tracing::warn!("cannot wait with the others: {error}");
        }
        if mine || self.wait(batch, owner, begin.elapsed()).await? {
            self.combine(batch, owner).await?;
        }
        Ok(())
    }

    /// Waits until it is our turn to link for all (true), or the batch is linked.
    async fn wait(
        &self,
        batch: &mut Batch,
        owner: ObjectId,
        round_trip: Duration,
    ) -> Result<bool, StoreError> {
        let mut patience = Instant::now() + jittered(PATIENCE);
        let mut pause = round_trip * FIRST_POLL;
        for poll in 1_u32.. {
            sleep(jittered(pause.clamp(MIN_POLL, MAX_POLL))).await;
            pause = round_trip;
            let ask = async { poll % LEASE_EVERY == 0 && self.pending.lease(owner).await };
            let (found, mine) = join(logged(&self.documents, batch.missing_ids()), ask).await;
            let settled = found.and_then(|found| batch.settle(found.values()));
            if mine && (settled.is_err() || batch.is_done()) {
                self.pending.release(owner).await;
            }
            settled?;
            if mine || batch.is_done() {
                break;
            }
            if Instant::now() > patience {
                self.link_own(batch).await?;
                patience = Instant::now() + jittered(PATIENCE);
            }
        }
        Ok(!batch.is_done())
    }

    /// One attempt to link the batch, and nothing else: many may do so at once, and all but one of them in vain.
    async fn link_own(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let last = head(&self.documents).await?;
        let (_, linked) = link_all(batch.missing(), batch.request(), last);
        let mut learnt = Learnt::default();
        self.insert(last, &linked, batch, &mut learnt).await?;
        self.pending.remove(&learnt.done).await;
        Ok(())
    }

    /// Links the batch, and with it all that waits.
    async fn combine(&self, batch: &mut Batch, owner: ObjectId) -> Result<(), StoreError> {
        let mut learnt = Learnt::default();
        let link = async {
            loop {
                match self.link_group(batch, &mut learnt).await {
                    Ok(()) if !batch.is_done() => {}
                    ended => break ended,
                }
            }
        };
        let combined = self.pending.hold(owner, link).await;
        learnt.strike_out();
        // Awaited: Lambda freezes whoever has answered.
        let _ = timeout(HELP, join(self.pending.remove(&learnt.done), self.pending.release(owner))).await;
        combined
    }

    /// One attempt at that.
    async fn link_group(&self, batch: &mut Batch, learnt: &mut Learnt) -> Result<(), StoreError> {
        let (tail, waiting) = join(tail(&self.documents), self.pending.waiting()).await;
        let tail = tail?;
        learnt.stands.extend(tail.requests);
        learnt.waiting = waiting;
        if batch.missing_ids().any(|id| learnt.stands.contains_key(&id)) {
            batch.settle(logged(&self.documents, batch.missing_ids()).await?.values())?;
        }
        learnt.strike_out();
        let linked = link_group(batch, &learnt.waiting, tail.head);
        if !linked.is_empty() {
            self.insert(tail.head, &linked, batch, learnt).await?;
        }
        Ok(())
    }

    /// I5: an ordered insert stops at the first document that does not fit. I4: whatever an error says, nothing is
    /// known until it was looked up. Answers whether there was none.
    async fn insert(
        &self,
        last: Option<Head>,
        new: &[Logged],
        batch: &mut Batch,
        learnt: &mut Learnt,
    ) -> Result<bool, StoreError> {
        let first = Head::next_seq(last.as_ref());
        let documents = (first..).zip(new).map(|(seq, logged)| EventDocument::new(seq, logged.clone()));
        let Err(error) = self.documents.insert_many(documents).ordered(true).await else {
            learnt.stand(new);
            learnt.done.extend(new.iter().map(|logged| logged.event.id));
            batch.settle(new)?;
            return Ok(true);
        };
        let found = logged(&self.documents, new.iter().map(|logged| logged.event.id)).await?;
        learnt.stand(found.values());
        batch.settle(found.values())?;
        if !batch.is_done() {
            if !is_duplicate_key(&error) {
                return Err(store_error(error));
            }
            sleep(jittered(BACK_OFF)).await;
        }
        Ok(false)
    }
}

impl Memory {
    fn should_help(&self) -> bool {
        self.successes % HELP_EVERY == HELP_EVERY - 1
            && self.succeeded.is_some_and(|at| at.elapsed() < RECENT)
    }

    fn succeed(&mut self, head: Option<Head>) {
        self.head = head;
        self.succeeded = Some(Instant::now());
        self.successes = self.successes.wrapping_add(1);
    }
}

/// Whether it is worth another attempt: what is damaged stays so, and for a server that is not there (a text by now) the
/// driver has waited already.
fn may_pass(error: &StoreError) -> bool {
    let StoreError::Unavailable(source) = error else { return false };
    let kind = source.downcast_ref::<ErrorKind>();
    kind.is_some_and(|kind| !matches!(kind, ErrorKind::Authentication { .. }))
}

/// A quarter less to a quarter more: so that those who collided do not do so again.
fn jittered(time: Duration) -> Duration {
    let random = new_id().0;
    time.mul_f32(0.75 + f32::from(random[11]) / 512.0)
}
