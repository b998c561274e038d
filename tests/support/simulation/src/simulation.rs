//! The simulation as tests hold it.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::commands::hello::SET;
use crate::server::Server;
use crate::settings::{Interruption, Keep, Settings};

/// A driver that reads the error of a write after it has heard of the next primary takes that one, which has the
/// same address here, for the one that stepped down; and hears nothing more of it for ten seconds.
const TIME_TO_READ_ERRORS: Duration = Duration::from_millis(20);

/// A replica set that is simulated by one server on the loopback interface. It runs on threads of its own and ends
/// when this is dropped.
pub struct Simulation {
    server: Arc<Server>,
    /// Always there, until `drop` takes it.
    runtime: Option<Runtime>,
}

impl Simulation {
    /// Starts one, empty, with a primary. An error if the port is taken.
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
        runtime.spawn(server.clone().accept(listener));
        Ok(Self { server, runtime: Some(runtime) })
    }

    /// Connection string without a database.
    pub fn uri(&self) -> String {
        format!("mongodb://{}/?replicaSet={SET}", self.server.known_as)
    }

    /// The port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// The primary steps down, and everything that no majority has is rolled back: documents, indexes, drops. Those
    /// who wait for a majority learn of it as the settings say. After the time of an election there is a primary
    /// again. Answers how many operations (one for each document) were rolled back.
    pub fn fail_over(&self) -> io::Result<u64> {
        self.end_term(Keep::MajorityCommitted, false)
    }

    /// The server is killed and started again: its connections and cursors are gone. After the time of an election
    /// there is a primary again. Answers how many operations were rolled back.
    pub fn restart(&self, keep: Keep) -> io::Result<u64> {
        self.end_term(keep, true)
    }

    fn end_term(&self, keep: Keep, is_restart: bool) -> io::Result<u64> {
        let mut state = self.server.state().map_err(io::Error::other)?;
        let (kept, rolled_back) =
            state.replication.begin_term(keep == Keep::Local).map_err(io::Error::other)?;
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
            election = election.max(self.server.settings.round_trip + TIME_TO_READ_ERRORS);
        }
        if election.is_zero() {
            self.server.role.send_modify(|role| role.win_election());
        }
        drop(state);
        self.server.turns.send_replace(());
        if let Some(runtime) = self.runtime.as_ref().filter(|_| !election.is_zero()) {
            runtime.spawn(elect(self.server.clone(), term, election));
        }
        Ok(rolled_back)
    }

    /// From now on clients that give a password must give this one, and all connections are closed. Nobody needs to
    /// give one: what is not authenticated is carried out as well.
    pub fn set_password(&self, password: &str) -> io::Result<()> {
        self.server.state().map_err(io::Error::other)?.password = Some(password.to_owned());
        self.server.disconnects.send_replace(());
        Ok(())
    }

    /// Connection string without a database, with this password.
    pub fn uri_with_password(&self, password: &str) -> String {
        let options = "authMechanism=PLAIN&authSource=$external";
        format!("mongodb://somebody:{password}@{}/?replicaSet={SET}&{options}", self.server.address)
    }

    /// From now on no majority gets anything, until [`resume_replication`](Self::resume_replication): a test need
    /// not race against a delay.
    pub fn hold_replication(&self) -> io::Result<()> {
        self.hold(true)
    }

    /// Ends [`hold_replication`](Self::hold_replication).
    pub fn resume_replication(&self) -> io::Result<()> {
        self.hold(false)
    }

    fn hold(&self, is_held: bool) -> io::Result<()> {
        let held = self.server.state().and_then(|mut state| state.replication.hold(is_held));
        self.server.turns.send_replace(());
        held.map_err(io::Error::other)
    }

    /// A majority gets the next `count` operations now, or as many as there are: one for each document, so that a
    /// batch can be cut.
    pub fn replicate(&self, count: u64) -> io::Result<()> {
        let done = self.server.state().and_then(|mut state| state.replication.commit(count));
        self.server.turns.send_replace(());
        done.map_err(io::Error::other)
    }

    /// How many operations no majority has yet.
    pub fn uncommitted(&self) -> io::Result<u64> {
        let state = self.server.state().map_err(io::Error::other)?;
        Ok(state.replication.uncommitted())
    }

    /// How often each command came since the start or [`reset_counts`](Self::reset_counts), by its name.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.server.counts().clone()
    }

    /// How often this command came.
    pub fn count(&self, command: &str) -> u64 {
        self.server.counts().get(command).copied().unwrap_or_default()
    }

    /// Counts from zero again.
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
            // It may be dropped within another runtime, where blocking is not allowed.
            runtime.shutdown_background();
        }
    }
}
