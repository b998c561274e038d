//! The server: the state that connections share, and the signals between them.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::cursor::Cursor;
use crate::failure::Failure;
use crate::replication::{Fate, Position, Replication};
use crate::role::Role;
use crate::sessions::Sessions;
use crate::settings::Settings;

/// The server.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
    /// The address in `hello` and in the connection string.
    pub(crate) advertised_address: SocketAddr,
    pub(crate) clock: Clock,
    state: Mutex<State>,
    counts: Mutex<BTreeMap<String, u64>>,
    /// Changes only while the state is locked.
    pub(crate) role: watch::Sender<Role>,
    /// Signals each write.
    pub(crate) writes: watch::Sender<()>,
    /// Signals the end of a term, and that replication is held, resumed or advanced by the test.
    pub(crate) replication_changes: watch::Sender<()>,
    /// Signals that all connections must be closed.
    pub(crate) disconnects: watch::Sender<()>,
}

/// The state that one lock protects.
pub(crate) struct State {
    pub(crate) replication: Replication,
    pub(crate) sessions: Sessions,
    pub(crate) cursors: HashMap<i64, Cursor>,
    last_cursor: i64,
    /// The password that is accepted; `None` accepts any.
    pub(crate) password: Option<String>,
}

impl Server {
    pub(crate) fn new(settings: Settings, address: SocketAddr) -> io::Result<Self> {
        let state = State {
            replication: Replication::new(&settings),
            sessions: Sessions::default(),
            cursors: HashMap::new(),
            last_cursor: 0,
            password: None,
        };
        let advertised_port = settings.advertised_port.unwrap_or(address.port());
        Ok(Self {
            settings,
            address,
            advertised_address: SocketAddr::new(address.ip(), advertised_port),
            clock: Clock::start(settings.precise)?,
            state: Mutex::new(state),
            counts: Mutex::default(),
            role: watch::Sender::new(Role::initial_primary()),
            writes: watch::Sender::new(()),
            replication_changes: watch::Sender::new(()),
            disconnects: watch::Sender::new(()),
        })
    }

    /// Locks the state, with replication advanced to the present.
    pub(crate) fn state(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.replication.advance()?;
        Ok(state)
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a majority has all operations up to a position. Returns false if that one was rolled back.
    pub(crate) async fn wait_for_majority(&self, position: Position) -> Result<bool, Failure> {
        let mut changes = self.replication_changes.subscribe();
        loop {
            changes.borrow_and_update();
            let fate = self.state()?.replication.fate(position);
            match fate {
                Fate::Committed => return Ok(true),
                Fate::RolledBack => return Ok(false),
                Fate::Pending(None) => changes.changed().await.unwrap_or_default(),
                Fate::Pending(Some(at)) => tokio::select! {
                    () = self.clock.sleep_until(at) => {}
                    _ = changes.changed() => {}
                },
            }
        }
    }
}

impl State {
    /// Stores a cursor and returns its id.
    pub(crate) fn open_cursor(&mut self, cursor: Cursor) -> i64 {
        self.last_cursor += 1;
        self.cursors.insert(self.last_cursor, cursor);
        self.last_cursor
    }
}
