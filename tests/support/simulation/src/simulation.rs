//! The handle of a simulation.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::connection;
use crate::role::REPLICA_SET;
use crate::server::Server;
use crate::settings::{Interruption, RestartState, Settings};

/// Minimum time between an error and the next election. The next primary has the same address, so a driver that reads
/// the error later believes that the new primary stepped down, and gets no further news for ten seconds.
const ERROR_GRACE: Duration = Duration::from_millis(20);

/// A replica set simulated by one server on the loopback interface. It has its own threads and ends when dropped.
pub struct Simulation {
    server: Arc<Server>,
    /// `Some` until `drop`.
    runtime: Option<Runtime>,
}

impl Simulation {
    /// Starts an empty replica set with a primary. Fails if the port is in use.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime =
            builder.worker_threads(settings.threads).thread_name("simulation").enable_all().build()?;
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let server = Arc::new(Server::new(settings, listener.local_addr()?)?);
        let listener = {
            let _context = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(connection::accept(server.clone(), listener));
        Ok(Self { server, runtime: Some(runtime) })
    }

    /// Returns the connection string, without a database.
    pub fn uri(&self) -> String {
        format!("mongodb://{}/?replicaSet={REPLICA_SET}", self.server.advertised_address)
    }

    /// Returns the port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// Makes the primary step down and rolls back all operations without a majority: documents, indexes, drops.
    /// Writes that wait for a majority get the [`Interruption`] of the settings. There is a primary again after the
    /// election time. Returns the number of operations that were rolled back; each document is one operation.
    pub fn fail_over(&self) -> io::Result<u64> {
        self.end_term(RestartState::MajorityCommitted, false)
    }

    /// Kills the server and starts it again, without its connections and cursors. There is a primary again after the
    /// election time. Returns the number of operations that were rolled back.
    pub fn restart(&self, restored: RestartState) -> io::Result<u64> {
        self.end_term(restored, true)
    }

    fn end_term(&self, restored: RestartState, is_restart: bool) -> io::Result<u64> {
        let mut state = self.server.state().map_err(io::Error::other)?;
        let keep_uncommitted = restored == RestartState::Local;
        let (kept, rolled_back) = state.replication.begin_term(keep_uncommitted).map_err(io::Error::other)?;
        state.sessions.roll_back(kept);
        if is_restart {
            state.cursors.clear();
            self.server.role.send_modify(|role| role.restart());
        } else {
            self.server.role.send_modify(|role| role.step_down());
        }
        let term = state.replication.term();
        let mut election = self.server.settings.election;
        if is_restart || self.server.settings.interruption == Interruption::Disconnect {
            self.server.disconnects.send_replace(());
        } else {
            election = election.max(self.server.settings.round_trip + ERROR_GRACE);
        }
        if election.is_zero() {
            self.server.role.send_modify(|role| role.win_election());
        }
        drop(state);
        self.server.replication_changes.send_replace(());
        if let Some(runtime) = self.runtime.as_ref().filter(|_| !election.is_zero()) {
            runtime.spawn(elect(self.server.clone(), term, election));
        }
        Ok(rolled_back)
    }

    /// Sets the only accepted password and closes all connections. Connections without a password stay permitted.
    pub fn set_password(&self, password: &str) -> io::Result<()> {
        self.server.state().map_err(io::Error::other)?.password = Some(password.to_owned());
        self.server.disconnects.send_replace(());
        Ok(())
    }

    /// Returns the connection string with a password, without a database.
    pub fn uri_with_password(&self, password: &str) -> String {
        let options = "authMechanism=PLAIN&authSource=$external";
        format!("mongodb://test:{password}@{}/?replicaSet={REPLICA_SET}&{options}", self.server.address)
    }

    /// Stops replication until [`resume_replication`](Self::resume_replication), so that a test need not race a
    /// delay.
    pub fn hold_replication(&self) -> io::Result<()> {
        self.set_held(true)
    }

    /// Ends [`hold_replication`](Self::hold_replication).
    pub fn resume_replication(&self) -> io::Result<()> {
        self.set_held(false)
    }

    fn set_held(&self, is_held: bool) -> io::Result<()> {
        let held = self.server.state().and_then(|mut state| state.replication.set_held(is_held));
        self.server.replication_changes.send_replace(());
        held.map_err(io::Error::other)
    }

    /// Replicates the next `count` operations, if there are that many, to a majority. Each document is one operation,
    /// so a batch can be cut.
    pub fn replicate(&self, count: u64) -> io::Result<()> {
        let done = self.server.state().and_then(|mut state| state.replication.commit(count));
        self.server.replication_changes.send_replace(());
        done.map_err(io::Error::other)
    }

    /// Returns the number of operations without a majority.
    pub fn uncommitted(&self) -> io::Result<u64> {
        let state = self.server.state().map_err(io::Error::other)?;
        Ok(state.replication.uncommitted())
    }

    /// Returns the number of commands by name, since the start or [`reset_counts`](Self::reset_counts).
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.server.counts().clone()
    }

    /// Returns the number of commands with this name.
    pub fn count(&self, command: &str) -> u64 {
        self.server.counts().get(command).copied().unwrap_or_default()
    }

    /// Sets all counts to zero.
    pub fn reset_counts(&self) {
        self.server.counts().clear();
    }
}

async fn elect(server: Arc<Server>, term: usize, after: Duration) {
    server.clock.sleep(after).await;
    if let Ok(state) = server.state()
        && state.replication.term() == term
    {
        server.role.send_modify(|role| role.win_election());
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The drop may happen within another runtime, in which blocking is not allowed.
            runtime.shutdown_background();
        }
    }
}
