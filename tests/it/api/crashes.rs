//! kill -9 under requests with a key, and their repeats.

use std::collections::HashSet;

use eventlog_testing::trial;
use libtest_mimic::Trial;

use super::{array, logged};
use crate::client::{Answer, Client};
use crate::system::{Backend, Data};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![trial(&backend.name("after_a_kill_repeats_log_each_event_once"), move || repeats(backend))]
}

/// A request, and what was answered if it was.
struct Sent {
    key: String,
    answer: Option<Answer>,
}

const EVENTS: usize = 40;

async fn repeats(backend: Backend) {
    const ROUNDS: usize = 6;
    let data = Data::fresh(backend);
    let mut all: Vec<Sent> = Vec::new();
    for round in 0..ROUNDS {
        let system = data.serve().await;
        let (progress, mut progressed) = tokio::sync::mpsc::unbounded_channel();
        let mut writers = Vec::new();
        for writer in 0..4 {
            let mut client = Client::connect(system.port).await;
            let progress = progress.clone();
            writers.push(tokio::spawn(async move {
                let mut sent: Vec<Sent> = Vec::new();
                while sent.last().is_none_or(|last| last.answer.is_some()) {
                    let key = format!("{round}-{writer}-{}", sent.len());
                    let answer = client.try_keyed(&key, array(&key, EVENTS)).await;
                    sent.push(Sent { key, answer });
                    let _ = progress.send(());
                }
                sent
            }));
        }
        for _ in 0..5 * round + 3 {
            progressed.recv().await;
        }
        system.kill().await;
        for writer in writers {
            all.extend(writer.await.expect("a writer"));
        }
    }
    assert!(all.iter().filter(|sent| sent.answer.is_none()).count() >= ROUNDS, "some were cut off");

    let system = data.serve().await;
    let mut client = system.client().await;
    let mut ids = HashSet::new();
    for Sent { key, answer } in &all {
        let repeat = client.keyed(key, array(key, EVENTS)).await;
        let events = logged(&repeat);
        assert_eq!(events.len(), EVENTS);
        ids.extend(events.into_iter().map(|event| event.id));
        assert!(answer.as_ref().is_none_or(|answer| answer.body == repeat.body), "{key}");
    }
    let log = client.check_log().await;
    assert_eq!(log.len(), all.len() * EVENTS);
    assert!(log.iter().all(|event| ids.contains(&event.id)));
    let said: HashSet<_> = log.iter().map(|event| &event.data_payload).collect();
    assert_eq!(said.len(), log.len(), "nothing twice");
}
