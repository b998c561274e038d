//! Connections that do not want everything, and those that want several at once.

use bytes::Bytes;
use eventlog_ledger::broadcast::PushError;
use eventlog_ledger::{Connection, Draft, Event, EventStore, Filter, MAX_EVENT_BYTES};
use eventlog_testing::{check_log, draft};

use crate::gateway::Gateway;
use crate::stores::MeddledLog;
use crate::world::{Bell, World, assert_same, connection};

const TYPES: [&str; 3] = ["A", "B", "C"];
const SOURCES: [&str; 2] = ["one", "two"];

/// The nth event of a log in which types and sources take turns.
fn nth(n: usize) -> Draft {
    let source_app_id = SOURCES[n / 3 % 2].to_owned();
    Draft { source_app_id, ..draft(TYPES[n % 3], &format!(r#"{{"n":{n}}}"#)) }
}

async fn log(world: &World, places: std::ops::Range<usize>) {
    for drafts in places.collect::<Vec<_>>().chunks(500) {
        world.log.append(drafts.iter().copied().map(nth).collect::<Vec<_>>()).await.expect("logged");
    }
}

fn filter(event_type: Option<&str>, source_app_id: Option<&str>) -> Filter {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Filter { event_type: text(event_type), source_app_id: text(source_app_id) }
}

fn all_filters() -> Vec<Filter> {
    let types = [None, Some("A"), Some("B"), Some("nothing")];
    let sources = [None, Some("one"), Some("nobody")];
    types.iter().flat_map(|a| sources.iter().map(move |b| filter(*a, *b))).collect()
}

/// What the connection must have been sent, as it was sent, of the whole log.
async fn assert_got_what_it_wants(world: &World, wants: &Connection) {
    let all = check_log(&world.log).await;
    let wanted = all[wants.position as usize..].iter();
    let wanted = wanted.filter(|event| wants.filter.wants(&event.event_type, &event.source_app_id));
    let expected: Vec<Bytes> = wanted.map(|event| event.to_json().into()).collect();
    let taken = world.gateway.taken(&wants.id);
    if !wants.batch {
        return assert_same(&wants.id, &taken, &expected);
    }
    let arrays = taken.iter().flat_map(|array| {
        let events: Vec<Box<serde_json::value::RawValue>> = serde_json::from_slice(array).expect("an array");
        assert!(!events.is_empty() && (array.len() <= MAX_EVENT_BYTES || events.len() == 1));
        events
    });
    assert_same(
        &wants.id,
        &arrays.map(|event| Bytes::from(event.get().to_owned())).collect::<Vec<_>>(),
        &expected,
    );
}

/// From the beginning, from where one is just behind, and from where it is live; in one run and in several.
#[tokio::test]
async fn everyone_gets_what_it_wants_and_nothing_else() {
    let world = World::new(Gateway::willing());
    log(&world, 0..1500).await;
    let mut all = Vec::new();
    for (n, filter) in all_filters().into_iter().enumerate() {
        for (position, batch) in [(0, false), (1_400, true), (1_500, false), (7, true)] {
            let id = format!("{n} {position}");
            all.push(Connection { filter: filter.clone(), batch, ..connection(&id, position) });
        }
    }
    for connection in &all {
        world.add(connection.clone()).await;
    }
    world.catch_up().await;
    let running = world.start().await;
    log(&world, 1500..2200).await;
    world.gateway.has_taken("0 1500", 700).await;
    running.stop().await;
    log(&world, 2200..2203).await;
    world.catch_up().await;
    for connection in &all {
        assert_got_what_it_wants(&world, connection).await;
    }
}

/// Ten thousand would cost as much.
#[tokio::test]
async fn an_event_costs_as_many_reads_and_posts_as_there_are_who_want_it() {
    let world = World::new(Gateway::willing());
    for n in 0..1000 {
        let filter = filter(Some(&format!("type {n}")), None);
        world.add(Connection { filter, ..connection(&format!("{n}"), 0) }).await;
    }
    let (meddled, bell) = (MeddledLog::new(&world.log), Bell::default());
    let running = world.start_on(&meddled, &world.connections, bell.clone());
    for n in 0..20 {
        world.log.append(vec![draft(&format!("type {n}"), "{}")]).await.expect("logged");
        bell.0.notify_one();
        world.gateway.has_taken(&format!("{n}"), 1).await;
    }
    running.stop().await;
    assert_eq!(meddled.pages(), 20);
    let posts: usize = (0..1000).map(|n| world.gateway.tried(&n.to_string())).sum();
    assert_eq!(posts, 20);
}

/// What it does not want is passed over by an index, not read.
#[tokio::test]
async fn one_far_behind_reads_only_what_it_wants() {
    let world = World::new(Gateway::willing());
    let mut drafts: Vec<_> = (0..5000).map(nth).collect();
    drafts[17].event_type = "rare".into();
    drafts[4000].event_type = "rare".into();
    for drafts in drafts.chunks(500) {
        world.log.append(drafts.to_vec()).await.expect("logged");
    }
    let rare = Connection { filter: filter(Some("rare"), None), ..connection("rare", 3) };
    world.add(rare.clone()).await;
    let meddled = MeddledLog::new(&world.log);
    world.catch_up_on(&meddled, &world.connections).await.expect("a run");
    assert_got_what_it_wants(&world, &rare).await;
    // One more to tell how far behind it is.
    assert_eq!((world.gateway.tried("rare"), meddled.pages()), (2, 2));
    assert_eq!(world.position("rare").await, 5000);
}

/// Else whoever takes over would have to look through all of it.
#[tokio::test]
async fn the_position_of_one_that_wants_nothing_of_late_is_stored_now_and_then() {
    let world = World::new(Gateway::willing());
    world.add(Connection { filter: filter(Some("nothing"), None), ..connection("choosy", 0) }).await;
    world.join("witness", 0).await;
    let running = world.start().await;
    log(&world, 0..255).await;
    world.gateway.has_taken("witness", 255).await;
    running.stop().await;
    assert_eq!(world.position("choosy").await, 0, "not for each event");
    let running = world.start().await;
    log(&world, 255..600).await;
    world.gateway.has_taken("witness", 600).await;
    running.stop().await;
    assert_eq!(world.position("choosy").await, 600);
    assert_eq!(world.gateway.tried("choosy"), 0);
}

fn taken_sizes(world: &World, id: &str) -> Vec<usize> {
    let count =
        |array: &Bytes| serde_json::from_slice::<Vec<serde_json::Value>>(array).expect("an array").len();
    world.gateway.taken(id).iter().map(count).collect()
}

#[tokio::test]
async fn a_batch_has_as_many_events_as_fit() {
    let world = World::new(Gateway::willing());
    let payload = format!(r#"{{"long":"{}"}}"#, "x".repeat(40 * 1024));
    let drafts: Vec<_> = (0..7).map(|_| draft("long", &payload)).collect();
    world.log.append(drafts).await.expect("logged");
    let largest = format!(r#"{{"long":"{}"}}"#, "x".repeat(119 * 1024));
    world.log.append(vec![draft("largest", &largest)]).await.expect("logged");
    log(&world, 0..600).await;
    let batch = Connection { batch: true, ..connection("batch", 0) };
    world.add(batch.clone()).await;
    world.catch_up().await;
    assert_got_what_it_wants(&world, &batch).await;
    let sizes = taken_sizes(&world, "batch");
    assert_eq!(sizes[0], 2, "a third one does not fit: {sizes:?}");
    assert!(sizes.contains(&1) && sizes.contains(&256) && sizes.len() < 12, "{sizes:?}");
}

#[tokio::test]
async fn of_a_batch_that_is_refused_only_the_event_that_is_to_blame_is_left_out() {
    // The first try is the whole batch; then one by one.
    let world = World::new(Gateway::answering(|_, nth| match nth {
        0 | 3 => Err(PushError::Refused("no".into())),
        _ => Ok(()),
    }));
    log(&world, 0..5).await;
    world.add(Connection { batch: true, ..connection("batch", 0) }).await;
    world.catch_up().await;
    assert_eq!(taken_sizes(&world, "batch"), [1, 1, 1, 1]);
    let all: Vec<Event> = check_log(&world.log).await;
    let last: Vec<serde_json::Value> =
        serde_json::from_slice(&world.gateway.taken("batch")[2]).expect("an array");
    assert_eq!(last[0]["_id"], all[3].id.to_string(), "the third is left out");
    assert_eq!(world.position("batch").await, 5);
}
