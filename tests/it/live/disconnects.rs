//! Clients that are cut off at random moments, in the middle of a frame or of the handshake, while events are logged
//! and now and then the whole server is killed. Each comes back with the last `_id` it saw; in the end it must have
//! seen, leaving out repeats, all that it wants, in the order of the log.
//!
//! `EVENTLOG_LIVE_DISCONNECTS` says how many times somebody is cut off, 1,000 in a long run, during 20 times as many
//! events (`docs/faults.md`). `EVENTLOG_LIVE_SEED` takes the seed of a run that failed: it decides who is to be cut off
//! when, but not what comes of it.

mod breaking;
mod pace;
mod poster;
mod subscriber;
mod tally;

use std::sync::Arc;
use std::time::Instant;

use eventlog_testing::{Random, trial, within};
use libtest_mimic::Trial;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::wish::{SOURCES, TYPES, Wish};
use crate::client::Client;
use crate::faults::number_in;
use crate::system::{Backend, Data};
use pace::Pace;
use subscriber::Subscriber;
use tally::Tally;
pub(crate) use tally::print_summary;

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    let name = backend.name("who_is_cut_off_again_and_again_misses_nothing");
    vec![trial(&name, move || run(backend))]
}

/// What every `cargo test` can afford.
const FEW: u64 = 100;
/// Events for each time that somebody is cut off.
const EVENTS: u64 = 20;
const POSTERS: usize = 4;

fn asked_for() -> Option<u64> {
    number_in("EVENTLOG_LIVE_DISCONNECTS")
}

/// Plain, filtered, and in batches.
fn wishes() -> Vec<Wish> {
    let [one, two, _] = TYPES.map(Some);
    let [app, other] = SOURCES.map(Some);
    let filters = [(None, None), (None, None), (one, None), (None, other), (two, app), (one, other)];
    let both = |(event_type, source)| [false, true].map(|batch| Wish { event_type, source, batch });
    filters.into_iter().flat_map(both).collect()
}

/// Says which run it was if it fails.
struct Name(Backend, u64);

impl Drop for Name {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the run on {:?} failed: EVENTLOG_LIVE_SEED={}", self.0, self.1);
        }
    }
}

async fn run(backend: Backend) {
    let disconnects = asked_for().unwrap_or(FEW);
    let seed = number_in("EVENTLOG_LIVE_SEED").unwrap_or_else(Random::any_seed);
    let _name = Name(backend, seed);
    let since = Instant::now();
    let mut random = Random::new(seed);
    let pace = Arc::new(Pace::new(disconnects, disconnects * EVENTS));
    let data = Data::fresh(backend);
    let mut system = data.serve().await;
    // Who has seen no event has no `_id` to come back with.
    let first = system.client().await.log("first", "{}").await;
    let (port, at) = watch::channel(system.port);
    let (stop, stopped) = watch::channel(false);
    let mut subscribers = Vec::new();
    for wish in wishes() {
        let subscriber = Subscriber::new(wish, first.clone(), pace.clone(), random.another());
        let last = subscriber.last();
        let followed = tokio::spawn(subscriber.follow(at.clone(), stopped.clone()));
        subscribers.push((wish, last, followed));
    }
    let mut posters = JoinSet::new();
    for poster in 0..POSTERS {
        posters.spawn(poster::post(poster, pace.clone(), at.clone(), random.another()));
    }

    let mut tally = Tally { disconnects, ..Tally::default() };
    for _ in 0..2 + disconnects / 100 {
        let (part, of) = (tally.restarts, 2 + disconnects / 100);
        let moment = (part * disconnects * EVENTS + random.below(disconnects * EVENTS)) / of;
        pace.has_logged(moment).await;
        system.kill().await;
        system = data.serve().await;
        port.send_replace(system.port);
        tally.restarts += 1;
    }
    while let Some(poster) = posters.join_next().await {
        poster.expect("no panic");
    }
    within("the last disconnects", pace.is_done()).await;
    let mut client = Client::connect(system.port).await;
    let log = client.check_log().await;
    assert_eq!(log.len() as u64, 1 + disconnects * EVENTS);
    for (wish, last, _) in &mut subscribers {
        let wanted = wish.of(&log[1..]).pop();
        within("the last event", last.wait_for(|seen| *seen == wanted)).await.expect("it goes on");
    }
    stop.send_replace(true);
    for (wish, _, followed) in subscribers {
        let subscriber = followed.await.expect("no panic");
        subscriber.check(&wish.of(&log[1..]));
        tally.add(&subscriber);
    }
    tally.events = log.len() as u64;
    tally.time = since.elapsed();
    tally::add(backend, tally);
}
