//! kill -9.

use std::collections::HashSet;

use eventlog_testing::{InvokeError, trial, within};
use libtest_mimic::Trial;
use tokio::sync::mpsc;

use super::deployment::{Deployment, check_log, try_log};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("functions_killed_lose_and_double_nothing", lose_and_double_nothing)]
}

/// Writers that go on when their function is killed, without repeating what it was told: what was acknowledged
/// stands in the log as it was acknowledged, what was not may stand there, nothing stands there twice.
async fn lose_and_double_nothing() {
    const WRITERS: usize = 6;
    const KILLS: usize = 12;
    let deployment = Deployment::fresh();
    let create = deployment.deploy("create-event");
    let (progress, mut progressed) = mpsc::unbounded_channel();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (create, progress) = (create.clone(), progress.clone());
            tokio::spawn(async move {
                let (mut acknowledged, mut crashed) = (Vec::new(), 0);
                for n in 0.. {
                    match try_log(&create, "doomed", &format!(r#"{{"writer":{writer},"n":{n}}}"#)).await {
                        Ok(event) => acknowledged.push(event),
                        Err(InvokeError::Crashed { .. } | InvokeError::Init { .. }) => crashed += 1,
                        Err(error) => panic!("{error}"),
                    }
                    if progress.send(()).is_err() {
                        break;
                    }
                }
                (acknowledged, crashed)
            })
        })
        .collect();

    for kill in 0..KILLS {
        for _ in 0..WRITERS {
            within("progress", progressed.recv()).await.expect("writers");
        }
        let running: Vec<_> =
            create.instances().into_iter().filter(|instance| instance.is_running()).collect();
        running[kill % running.len()].kill().await;
    }
    drop(progressed);
    let (mut acknowledged, mut crashed) = (Vec::new(), 0);
    for writer in writers {
        let (events, crashes) = within("the end of a writer", writer).await.expect("no panic");
        acknowledged.extend(events);
        crashed += crashes;
    }
    assert!(crashed >= KILLS / 2, "only {crashed} invocations met with a kill");

    let stored = check_log(&deployment.deploy("list-events")).await;
    let said: HashSet<&str> = stored.iter().map(|event| event.data_payload.as_str()).collect();
    assert_eq!(said.len(), stored.len(), "nothing twice");
    for event in &acknowledged {
        assert!(stored.contains(event), "{event:?}");
    }
    assert!(stored.len() <= acknowledged.len() + crashed, "{} stored", stored.len());
}
