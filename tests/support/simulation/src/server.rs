//! The server: its state, its connections, and who is told of what.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mongodb::bson::RawDocumentBuf;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::commands::{self, Command, hello};
use crate::cursor::Cursor;
use crate::failure::Failure;
use crate::replication::{Fate, Position, Replication};
use crate::role::Role;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::wire::Request;

/// Everything that connections share.
pub(crate) struct Server {
    pub(crate) settings: Settings,
    pub(crate) address: SocketAddr,
    /// What clients take for its address.
    pub(crate) known_as: SocketAddr,
    pub(crate) clock: Clock,
    state: Mutex<State>,
    counts: Mutex<BTreeMap<String, u64>>,
    /// Changed with the state locked.
    pub(crate) role: watch::Sender<Role>,
    /// Rings at each write.
    pub(crate) writes: watch::Sender<()>,
    /// Rings when the term ends, and when replication is held, resumed or done by hand.
    pub(crate) turns: watch::Sender<()>,
    /// Rings to close all connections.
    pub(crate) disconnects: watch::Sender<()>,
}

/// What is behind the lock.
pub(crate) struct State {
    pub(crate) replication: Replication,
    pub(crate) sessions: Sessions,
    pub(crate) cursors: HashMap<i64, Cursor>,
    pub(crate) last_cursor: i64,
    /// What clients that give a password must give; any will do where there is none.
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
        Ok(Self {
            settings,
            address,
            known_as: SocketAddr::new(address.ip(), settings.known_as.unwrap_or(address.port())),
            clock: Clock::start(settings.precise)?,
            state: Mutex::new(state),
            counts: Mutex::default(),
            role: watch::Sender::new(Role::first()),
            writes: watch::Sender::new(()),
            turns: watch::Sender::new(()),
            disconnects: watch::Sender::new(()),
        })
    }

    /// The state as of now.
    pub(crate) fn state(&self) -> Result<MutexGuard<'_, State>, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.replication.advance()?;
        Ok(state)
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a majority has all up to a position. False if that was rolled back.
    pub(crate) async fn majority(&self, position: Position) -> Result<bool, Failure> {
        let mut turns = self.turns.subscribe();
        loop {
            turns.borrow_and_update();
            let fate = self.state()?.replication.fate(position);
            match fate {
                Fate::Committed => return Ok(true),
                Fate::RolledBack => return Ok(false),
                Fate::Waiting(None) => turns.changed().await.unwrap_or_default(),
                Fate::Waiting(Some(at)) => tokio::select! {
                    () = self.clock.sleep_until(at) => {}
                    _ = turns.changed() => {}
                },
            }
        }
    }

    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Too many open files, say.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let server = self.clone();
            let disconnects = self.disconnects.subscribe();
            let mut disconnected = disconnects.clone();
            tokio::spawn(async move {
                tokio::select! {
                    // However it ends, there is nobody to tell but the client, who sees it.
                    _ = server.serve(stream, disconnects) => {}
                    _ = disconnected.changed() => {}
                }
            });
        }
    }

    async fn serve(&self, mut stream: TcpStream, disconnects: watch::Receiver<()>) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (reader, mut writer) = stream.split();
        let mut reader = BufReader::new(reader);
        while let Some(mut request) = Request::read(&mut reader).await? {
            let one_way = self.settings.round_trip / 2;
            let begin = Instant::now() + one_way;
            self.clock.sleep_until(begin).await;
            if disconnects.has_changed().unwrap_or(true) {
                return Ok(());
            }
            let late = begin.elapsed();
            let sequences = std::mem::take(&mut request.sequences);
            let command = Command::new(std::mem::take(&mut request.body), sequences);
            let awaited = hello::Awaited::by(&command);
            let reply = self.answer(command).await?;
            // By as much as it began too late, it ends sooner.
            self.clock.sleep(one_way.saturating_sub(late)).await;
            let Some(mut awaited) = awaited.filter(|_| request.exhaust_allowed) else {
                request.reply(&mut writer, &reply, false).await?;
                continue;
            };
            request.reply(&mut writer, &reply, true).await?;
            // A stream of replies to one request, for as long as the client reads them.
            loop {
                awaited.note(&self.role.borrow());
                tokio::select! {
                    () = awaited.role_change(self) => {}
                    () = end(&mut reader) => return Ok(()),
                }
                let reply = RawDocumentBuf::try_from(&hello::reply(self)).map_err(io::Error::other)?;
                request.reply(&mut writer, &reply, true).await?;
            }
        }
        Ok(())
    }

    async fn answer(&self, command: Command) -> io::Result<RawDocumentBuf> {
        *self.counts().entry(command.name().to_owned()).or_default() += 1;
        let (is_write, is_stream) = (command.is_retryable_write(), command.is_change_stream(self));
        let failure = match commands::run(self, command).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        let labels = failure.labels(is_write, is_stream);
        let reply = failure.reply(labels, self.role.borrow().topology_version());
        RawDocumentBuf::try_from(&reply).map_err(io::Error::other)
    }
}

/// Waits for the end of a stream from which nothing else is expected.
async fn end(reader: &mut (impl AsyncBufRead + Unpin)) {
    if let Ok([_, ..]) = reader.fill_buf().await {
        std::future::pending().await
    }
}
