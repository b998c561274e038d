//! Linking for others, on a simulated replica set: what waits in `pending`, and the lease.

use std::time::Duration;

use eventlog_ledger::{
    Draft, Event, EventId, EventStore, IdempotencyKey, NewEvent, NewEvents, StoreError, Submission,
};
use eventlog_simulation::{Settings, Simulation};
use eventlog_store_mongodb::Events;
use eventlog_testing::{check_log, draft, trial, within};
use libtest_mimic::Trial;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use mongodb::{Client, Collection};

use crate::{append_from_everywhere, delayed, events, start};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("what_was_left_behind_is_linked_or_left_aside", what_was_left_behind_is_linked_or_left_aside),
        trial(
            "what_was_linked_long_ago_keeps_nobody_from_linking",
            what_was_linked_long_ago_keeps_nobody_from_linking,
        ),
        trial(
            "a_group_that_takes_long_makes_nobody_impatient",
            a_group_that_takes_long_makes_nobody_impatient,
        ),
        trial("a_lease_that_does_not_lapse_stops_nobody", a_lease_that_does_not_lapse_stops_nobody),
        trial("who_is_refused_takes_nobody_else_along", who_is_refused_takes_nobody_else_along),
        trial("who_is_refused_leaves_nothing_behind", who_is_refused_leaves_nothing_behind),
        trial(
            "who_is_logged_is_told_so_whatever_becomes_of_the_others",
            who_is_logged_is_told_so_whatever_becomes_of_the_others,
        ),
        trial("a_crowd_in_one_process_is_linked_in_groups", a_crowd_in_one_process_is_linked_in_groups),
    ]
}

async fn pending(simulation: &Simulation) -> Collection<Document> {
    let client = Client::with_uri_str(simulation.uri()).await.expect("a client");
    client.database("eventlog").collection("pending")
}

/// A draft as it waits for whoever links next.
fn waiting(id: ObjectId, payload: &str) -> Document {
    let draft = doc! { "id": id, "eventType": "orphan", "sourceAppId": "test", "dataPayload": payload };
    doc! { "_id": id, "arrived": eventlog_ledger::now().millis(), "drafts": [draft] }
}

/// A draft whose writer has died is linked by the others; what is no draft is left aside, and stops nobody.
async fn what_was_left_behind_is_linked_or_left_aside() {
    let simulation = delayed();
    let log = events(&simulation).await;
    log.append(vec![draft("first", "{}")]).await.expect("an append");
    let (orphan, damaged) = (ObjectId::new(), ObjectId::new());
    let left = [waiting(damaged, "this is no JSON"), waiting(orphan, "{}")];
    let pending = pending(&simulation).await;
    pending.insert_many(left).await.expect("left behind");
    let linked = async {
        while log.event(EventId(orphan.bytes())).await.expect("an answer").is_none() {
            append_from_everywhere(&simulation, 10).await;
        }
    };
    within("the orphan", linked).await;
    check_log(&log).await;
    let aside = pending.find_one(doc! { "_id": damaged }).await.expect("an answer").expect("still there");
    assert!(!aside.contains_key("arrived"), "{aside}");
}

/// Published late, or by a repeat, when it had been linked: so long ago that it is no more among the last events.
async fn what_was_linked_long_ago_keeps_nobody_from_linking() {
    let read_lag = Duration::from_millis(300);
    let simulation = start(Settings { read_lag, ..Settings::default() });
    let [one, other] = [events(&simulation).await, events(&simulation).await];
    let old = one.append((0..100).map(|_| draft("old", "{}")).collect::<Vec<_>>()).await.expect("an append");
    let left = old[..2].iter().map(|event| waiting(ObjectId::from_bytes(event.id.0), "{}"));
    pending(&simulation).await.insert_many(left).await.expect("left behind");
    let new = one.append(vec![draft("new", "{}")]).await.expect("an append");
    // It does not see that event yet, so it collides, and links with the others from then on.
    let newer = other.append(vec![draft("newer", "{}")]).await.expect("an append");
    assert_eq!(newer[0].previous_hash, Some(new[0].current_hash));
}

/// The request of somebody with this key, for these events.
fn request(key: &str, bodies: &[u32]) -> Submission {
    let event =
        |n| NewEvent::parse(&format!(r#"{{"eventType":"T","sourceAppId":"A","dataPayload":{{"n":{n}}}}}"#));
    let events = bodies.iter().map(|n| event(n).expect("an event")).collect();
    Submission::keyed(
        "somebody",
        &IdempotencyKey::parse(key.as_bytes()).expect("a key"),
        NewEvents::Many(events),
    )
}

/// A request that waits for whoever links next.
fn request_waiting(Submission { drafts, request }: &Submission) -> Document {
    let id = |draft: &Draft| ObjectId::from_bytes(draft.id.0);
    let first = id(&drafts[0]);
    let waiting = drafts.iter().map(|draft| {
        doc! {
            "id": id(draft), "eventType": &draft.event_type, "sourceAppId": &draft.source_app_id,
            "dataPayload": draft.data_payload.text(),
        }
    });
    let bytes = request.expect("a request's id").0.to_vec();
    let request = Binary { subtype: BinarySubtype::Generic, bytes };
    let arrived = eventlog_ledger::now().millis();
    let drafts = waiting.collect::<Vec<_>>();
    doc! { "_id": first, "arrived": arrived, "request": request, "drafts": drafts }
}

/// Appends to a log of which this is the only writer so far, and links what waits: it does not see yet what was appended
/// last, collides, and goes to the others.
async fn append_with_others(
    simulation: &Simulation,
    writer: &Events,
    submission: impl Into<Submission> + Send,
) -> Result<Vec<Event>, StoreError> {
    writer.append(vec![draft("new", "{}")]).await.expect("an append");
    events(simulation).await.append(submission).await
}

fn lagging() -> Simulation {
    start(Settings { read_lag: Duration::from_millis(300), ..Settings::default() })
}

/// Two requests with one body are told apart by their keys, not by what they log.
async fn who_is_refused_takes_nobody_else_along() {
    let simulation = lagging();
    let log = events(&simulation).await;
    log.append(request("taken", &[1])).await.expect("an append");
    let left = [request("taken", &[2, 3]), request("free", &[2, 3])];
    pending(&simulation).await.insert_many(left.iter().map(request_waiting)).await.expect("left behind");
    append_with_others(&simulation, &log, vec![draft("newer", "{}")]).await.expect("an append");
    let stored: Vec<_> = check_all(&log, 5).await;
    let ids: Vec<_> = stored.iter().map(|event| event.id).collect();
    assert!(left[1].drafts.iter().all(|draft| ids.contains(&draft.id)), "the other one is linked");
}

/// Who links his rival is refused, and has yet to remove all that he has linked.
async fn who_is_refused_leaves_nothing_behind() {
    let simulation = lagging();
    let log = events(&simulation).await;
    log.append(vec![draft("first", "{}")]).await.expect("an append");
    let waiting = [request("taken", &[1]), request("other", &[2])];
    let pending = pending(&simulation).await;
    pending.insert_many(waiting.iter().map(request_waiting)).await.expect("left behind");
    let refused = append_with_others(&simulation, &log, request("taken", &[3])).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    assert_eq!(check_all(&log, 4).await.len(), 4);
    assert_eq!(pending.find_one(doc! {}).await.expect("an answer"), None);
}

/// The log, as soon as majority reads show so many events.
async fn check_all(log: &Events, count: u64) -> Vec<Event> {
    let shown = async {
        while log.head().await.expect("a head").is_none_or(|head| head.seq + 1 < count) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within("the events", shown).await;
    check_log(log).await
}

async fn append_each(logs: Vec<Events>, count: usize) {
    let writer = |log: Events| async move {
        for _ in 0..count {
            log.append(vec![draft("one of many", "{}")]).await.expect("an append");
        }
    };
    let writers: Vec<_> = logs.into_iter().map(|log| tokio::spawn(writer(log))).collect();
    for writer in writers {
        within("a writer", writer).await.expect("no panic");
    }
}

/// A group takes long where the majority does, or its drafts are large. Those who wait leave it to the holder of the lease
/// all the same: if each linked what waits, all but one would collide, and each attempt is as large as the group.
async fn a_group_that_takes_long_makes_nobody_impatient() {
    let (round_trip, majority_delay) = (Duration::from_millis(10), Duration::from_millis(100));
    let simulation = start(Settings { round_trip, majority_delay, ..Settings::default() });
    let mut logs = Vec::new();
    for _ in 0..16 {
        logs.push(events(&simulation).await);
    }
    append_each(logs.clone(), 4).await;
    assert_eq!(check_log(&logs[0]).await.len(), 64);
    // Whoever has linked a group removes it from `pending` and gives the lease back.
    let deletes = simulation.count("delete");
    assert!(deletes <= 32, "{deletes}");
}

/// Its holder is dead, and his clock was ahead: by a little, or by so much that nobody may wait for it.
async fn a_lease_that_does_not_lapse_stops_nobody() {
    for ahead in [4_000, 3_600_000] {
        let simulation = delayed();
        let logs = vec![events(&simulation).await, events(&simulation).await];
        let client = Client::with_uri_str(simulation.uri()).await.expect("a client");
        let until = eventlog_ledger::now().millis() + ahead;
        let lease = doc! { "_id": "append", "owner": ObjectId::new(), "until": until };
        client.database("eventlog").collection("leases").insert_one(lease).await.expect("a lease");
        append_each([&logs[..], &logs].concat(), 5).await;
        assert_eq!(check_log(&logs[0]).await.len(), 20);
    }
}

/// Who has helped others, or tried to, has an answer to give: his own event is logged.
async fn who_is_logged_is_told_so_whatever_becomes_of_the_others() {
    let simulation = start(Settings::default());
    let log = events(&simulation).await;
    let pending = pending(&simulation).await;
    pending.find_one(doc! {}).await.expect("connected");
    append_each(vec![log.clone()], 3).await;
    pending.insert_one(waiting(ObjectId::new(), "{}")).await.expect("left behind");
    simulation.hold_replication().expect("held");
    let append = tokio::spawn(async move { log.append(vec![draft("own", "{}")]).await });
    while simulation.uncommitted().expect("a number") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    simulation.replicate(1).expect("its own event is durable; what it links for others will not be");
    within("the answer", append).await.expect("no panic").expect("its event");
}

/// As behind the local gateway. While one waits for its majority, the others do not wait to be the next, one by one, but
/// to be linked.
async fn a_crowd_in_one_process_is_linked_in_groups() {
    let simulation = start(Settings::default());
    let log = events(&simulation).await;
    log.append(vec![draft("first", "{}")]).await.expect("an append");
    let pending = pending(&simulation).await;
    simulation.hold_replication().expect("held");
    let crowd = tokio::spawn(append_each(vec![log.clone(); 100], 1));
    let groups = async {
        while pending.estimated_document_count().await.expect("a number") < 10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within("some of them wait together", groups).await;
    simulation.resume_replication().expect("resumed");
    crowd.await.expect("all are answered");
    assert_eq!(check_log(&log).await.len(), 101);
}
