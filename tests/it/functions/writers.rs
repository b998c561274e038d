//! Many processes, one chain.

use std::collections::HashMap;

use eventlog_testing::trial;
use futures_util::future::join_all;
use libtest_mimic::Trial;

use super::deployment::{Deployment, check_log, log};

pub(super) fn trials() -> Vec<Trial> {
    vec![trial("functions_in_sixteen_processes_make_one_chain", sixteen_processes)]
}

async fn sixteen_processes() {
    const WRITERS: usize = 16;
    const EACH: usize = 5;
    let deployment = Deployment::fresh();
    let create = &deployment.deploy("create-event");
    let writers = (0..WRITERS).map(async |writer| {
        let mut acknowledged = Vec::new();
        for n in 0..EACH {
            acknowledged.push(log(create, "many", &format!(r#"{{"writer":{writer},"n":{n}}}"#)).await);
        }
        acknowledged
    });
    // All are polled once before any can be done, so each finds all instances busy.
    let acknowledged = join_all(writers).await;
    assert_eq!(create.instances().len(), WRITERS);

    let mut acknowledged: HashMap<_, _> =
        acknowledged.into_iter().flatten().map(|event| (event.id, event)).collect();
    assert_eq!(acknowledged.len(), WRITERS * EACH);
    let stored = check_log(&deployment.deploy("list-events")).await;
    assert_eq!(stored.len(), WRITERS * EACH);
    for event in stored {
        assert_eq!(acknowledged.remove(&event.id).as_ref(), Some(&event));
    }
}
