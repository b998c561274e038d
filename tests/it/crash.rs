//! kill -9.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;

use crate::client::Client;
use crate::system::{Backend, Data};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_kill_loses_nothing_acknowledged", a_kill_loses_nothing_acknowledged)]
}

/// Kills the server under load, again and again. All that was acknowledged stands in the log as it was
/// acknowledged; what was under way may.
async fn a_kill_loses_nothing_acknowledged() {
    let data = Data::fresh(Backend::Sqlite);
    let mut acknowledged: Vec<Event> = Vec::new();
    for round in 1..=10 {
        let system = data.serve().await;
        let mut writers = Vec::new();
        let (progress, mut progressed) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..8 {
            let mut client = Client::connect(system.port).await;
            let progress = progress.clone();
            writers.push(tokio::spawn(async move {
                let mut events = Vec::new();
                while let Some(event) = client.try_log("doomed", "{}").await {
                    events.push(event);
                    let _ = progress.send(());
                }
                events
            }));
        }
        for _ in 0..round * 20 {
            progressed.recv().await;
        }
        system.kill().await;
        for writer in writers {
            acknowledged.extend(writer.await.expect("a writer"));
        }
    }
    let stored = data.serve().await.client().await.check_log().await;
    for event in &acknowledged {
        assert!(stored.contains(event), "{event:?}");
    }
    assert!(acknowledged.len() >= 10 * 20, "{}", acknowledged.len());
}
