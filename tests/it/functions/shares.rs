//! More connections than one run serves.

use std::collections::BTreeSet;

use eventlog_chain::Event;
use eventlog_ledger::{Connection, ConnectionStore, Filter, now};
use eventlog_store_mongodb::{Connections, Database};
use eventlog_testing::{Instance, Lambda, trial};
use futures_util::future::join_all;
use libtest_mimic::Trial;
use serde_json::json;
use tokio::sync::Semaphore;

use super::deployment::{Deployment, lines, log};
use super::gateway::Gateway;
use super::invocations::Invocations;
use super::websocket::wake;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("functions_called_in_tell_their_share_of_many_connections", called_in),
        trial("functions_that_can_call_in_nobody_tell_all_themselves", alone),
    ]
}

/// One more than one run serves, so there are two shares.
const MANY: usize = 2501;

struct World {
    gateway: Gateway,
    invocations: Invocations,
    create: Lambda,
    broadcast: Lambda,
}

impl World {
    /// With many connections in an empty log.
    async fn new() -> Self {
        let gateway = Gateway::start(Semaphore::MAX_PERMITS).await;
        let invocations = Invocations::start().await;
        let deployment = Deployment::fresh().with("WEBSOCKET_ENDPOINT", gateway.url());
        let deployment = deployment.with("AWS_ENDPOINT_URL_LAMBDA", invocations.url());
        let database = Database::open(deployment.mongodb_uri()).await.expect("a database");
        let connections = Connections::new(&database, "f6g7h8i9j0/prod");
        for some in ids().collect::<Vec<_>>().chunks(100) {
            let added = some.iter().map(|id| {
                let (filter, batch) = (Filter::default(), false);
                let id = format!("{id}=");
                connections.add(Connection { id, connected_at: now(), filter, batch, position: 0 })
            });
            join_all(added).await.into_iter().collect::<Result<(), _>>().expect("added");
        }
        let (create, broadcast) = (deployment.deploy("create-event"), deployment.deploy("broadcast"));
        Self { gateway, invocations, create, broadcast }
    }

    /// Panics unless each connection got each event once.
    fn check(&self, events: &[Event]) {
        assert_eq!(*self.gateway.taken.borrow(), MANY * events.len(), "nothing twice");
        for id in ids() {
            assert_eq!(self.gateway.received(&format!("{id}%3D"), events), events, "{id}");
        }
    }
}

fn ids() -> impl Iterator<Item = String> {
    (0..MANY).map(|n| format!("connection-{n}"))
}

/// How many connections it had in each of its runs, as it said at its end.
fn served(instance: &Instance) -> Vec<u64> {
    let reports = lines(&instance.log());
    let reports =
        reports.iter().map(|line| &line["fields"]).filter(|fields| fields["message"] == "broadcast");
    reports.map(|fields| fields["connections"].as_u64().expect("a number")).collect()
}

async fn called_in() {
    let world = World::new().await;
    world.invocations.of(&world.broadcast);
    let mut events = Vec::new();
    for round in 1..=2 {
        events.push(log(&world.create, "live", "{}").await);
        wake(&world.broadcast).await;
        world.invocations.have_ended(round).await;
        world.check(&events);
    }
    let call = ("eventlog-broadcast".to_owned(), json!({ "shard": { "index": 1, "of": 2 } }));
    assert_eq!(world.invocations.calls(), [call.clone(), call]);
    let instances = world.broadcast.instances();
    assert_eq!(instances.len(), 2);
    // Of an odd number two shares are not the same.
    let shares: BTreeSet<u64> = instances.iter().flat_map(served).collect();
    assert_eq!((shares.len(), shares.iter().sum()), (2, MANY as u64), "{shares:?}");
    assert!(instances.iter().all(|instance| !served(instance).is_empty()));
}

async fn alone() {
    let world = World::new().await;
    let event = log(&world.create, "live", "{}").await;
    wake(&world.broadcast).await;
    world.check(&[event]);
    assert_eq!(world.invocations.calls().len(), 1);
    let instances = world.broadcast.instances();
    assert_eq!(instances.len(), 1);
    let warning = "share 1/2 has nobody of its own: the function cannot be invoked: HTTP status 500";
    assert!(instances[0].log().contains(warning), "{}", instances[0].log());
}
