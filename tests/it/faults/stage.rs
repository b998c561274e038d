//! The servers that faults happen to, each behind a breaker.

use std::io;
use std::time::Duration;

use eventlog_simulation::{Interruption, RestartState, Settings, Simulation, StateChange};
use eventlog_testing::{Breaker, Faults, FerretDb, Random, server};
use tokio::time::timeout;

use super::tally::Tally;

/// How long a primary may take to notice that it is none any more.
const CUT_OFF: Duration = Duration::from_millis(50);

/// A server of some kind, empty or with an empty database of its own.
pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) breaker: Breaker,
    /// By way of the breaker.
    pub(super) uri: String,
    server: Server,
    random: Random,
}

enum Server {
    Found,
    Simulated(Simulation),
    FerretDb(FerretDb),
}

impl Stage {
    /// The server that all tests use.
    pub(super) async fn found(mut random: Random) -> Self {
        let breaker = Breaker::start("", random.another()).await.expect("a breaker");
        let server = server().expect("a server");
        let (upstream, uri) = server.uri_through(breaker.address()).expect("a server on its own");
        breaker.set_upstream(upstream);
        Self { name: server.kind(), breaker, uri, server: Server::Found, random }
    }

    /// A replica set whose majority takes its time, and whose writers learn of a fail-over in one way or another.
    pub(super) async fn simulated(mut random: Random) -> Self {
        let interruption = random.pick(&[
            Interruption::Disconnect,
            Interruption::Disconnect,
            Interruption::CommandError(StateChange::PrimarySteppedDown),
            Interruption::WriteConcernError(StateChange::PrimarySteppedDown),
            Interruption::WriteConcernError(StateChange::InterruptedDueToReplStateChange),
        ]);
        // Without retryable writes the server does not know a repeated command, and does it again.
        let retry_writes = random.pick(&[true, false]);
        let breaker = Breaker::start("", random.another()).await.expect("a breaker");
        let simulation = Simulation::start(Settings {
            advertised_port: Some(breaker.address().port()),
            round_trip: Duration::from_millis(2),
            majority_delay: Duration::from_micros(2500),
            election: Duration::from_millis(50),
            interruption,
            ..Settings::default()
        });
        let simulation = simulation.expect("a simulation");
        breaker.set_upstream(format!("127.0.0.1:{}", simulation.port()));
        let uri = format!("{}&retryWrites={retry_writes}", simulation.uri());
        Self { name: "simulation", breaker, uri, server: Server::Simulated(simulation), random }
    }

    pub(super) async fn ferretdb(mut random: Random) -> Self {
        let ferretdb = FerretDb::start().expect("a FerretDB");
        let breaker = Breaker::start(ferretdb.address(), random.another()).await.expect("a breaker");
        let uri = format!("mongodb://{}/?directConnection=true", breaker.address());
        Self { name: "FerretDB", breaker, uri, server: Server::FerretDb(ferretdb), random }
    }

    /// Whether the log must be there before anything breaks: FerretDB makes a database, a collection or an index in
    /// several steps, and one that was killed between them cannot use it ever after.
    pub(super) fn begins_calm(&self) -> bool {
        matches!(self.server, Server::FerretDb(_))
    }

    /// Connections begin to break. That they hang is only for long runs: each time somebody waits for 15 s.
    pub(super) fn begin(&self, may_hang: bool) {
        // The simulation has a round trip of its own.
        let latency = if matches!(self.server, Server::Simulated(_)) { 0 } else { 2 };
        self.breaker.set_faults(Faults {
            latency: Duration::from_millis(latency),
            jitter: Duration::from_millis(3),
            cut_before: 15,
            cut_after: 20,
            hang: u64::from(may_hang),
            repeat: 100,
            max_repeat_delay: 60,
        });
    }

    /// Nothing happens any more, not even late.
    pub(super) async fn end(&self) {
        self.breaker.set_faults(Faults::default());
        self.breaker.settle().await;
    }

    /// The server fails over, or dies and comes back.
    pub(super) async fn blow(&mut self, tally: &mut Tally) {
        match &mut self.server {
            Server::Found => unreachable!("it serves other tests too"),
            Server::Simulated(simulation) => {
                end_term(simulation, &self.breaker, &mut self.random, tally).await.expect("a new term");
            }
            Server::FerretDb(ferretdb) => {
                ferretdb.kill();
                ferretdb.restart().expect("the same FerretDB");
                self.breaker.set_upstream(ferretdb.address());
                tally.restarts += 1;
            }
        }
    }
}

/// The primary is cut off for a while, in which no majority gets anything; then there is another one, without what
/// no majority has, or the same, killed and started again.
async fn end_term(
    simulation: &Simulation,
    breaker: &Breaker,
    random: &mut Random,
    tally: &mut Tally,
) -> io::Result<()> {
    simulation.hold_replication()?;
    while simulation.uncommitted()? == 0 {
        breaker.wait_for_commands(1).await;
    }
    // So that others see it who must not believe it. Few commands may come, as all wait for a majority.
    let _ = timeout(CUT_OFF, breaker.wait_for_commands(random.below(50))).await;
    match random.below(4) {
        0 => {
            simulation.restart(RestartState::Local)?;
            tally.restarts += 1;
        }
        1 => {
            tally.rolled_back += simulation.restart(RestartState::MajorityCommitted)?;
            tally.fail_overs += 1;
        }
        _ => {
            tally.rolled_back += simulation.fail_over()?;
            tally.fail_overs += 1;
        }
    }
    simulation.resume_replication()
}
