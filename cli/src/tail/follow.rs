//! Following a log: whatever becomes of a connection, the next one is asked for everything after the last event taken.

use std::time::Duration;

use eventlog_chain::{Event, EventId};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::address::Filter;
use super::connection::listen;
use super::position::Position;
use super::server::Server;
use super::timing::Timing;
use super::{BROKEN, End};

/// A database that elects may not show for some seconds what it has shown before. After so many looks in a row, half a
/// minute or so, it is gone.
const MISSES: u32 = 7;

/// Where to begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// With the next event.
    Now,
    /// With the first one.
    First,
    /// With the one after this.
    After(EventId),
}

/// A log that is followed.
pub(super) struct Following {
    pub(super) server: Server,
    pub(super) begin: Begin,
    pub(super) filter: Filter,
    pub(super) timing: Timing,
}

impl Following {
    /// Hands on the events, each once and in chain order, until something is final. `tell` hears why there is a pause,
    /// and how long it is.
    pub(super) async fn follow(self, events: mpsc::Sender<Event>, tell: impl Fn(&str, Duration)) -> End {
        let position = Position::beginning(self.filter.is_some());
        let mut follower =
            Follower { of: self, position, is_located: false, was_there: false, missed: 0, failures: 0 };
        loop {
            match follower.connect(&events).await {
                // Once there is room for as many as there can be, all were taken.
                Ok(()) => drop(events.reserve_many(events.max_capacity()).await),
                Err(End::Again(reason)) => {
                    follower.failures += 1;
                    let pause = follower.of.timing.pause(follower.failures);
                    tell(&reason, pause);
                    sleep(pause).await;
                }
                Err(end) => return end,
            }
        }
    }
}

struct Follower {
    of: Following,
    position: Position,
    /// The log is known to have the event to go on after, or had it when a connection last opened.
    is_located: bool,
    /// It had it once.
    was_there: bool,
    /// How often in a row the log did not have it.
    missed: u32,
    /// In a row.
    failures: u32,
}

impl Follower {
    /// One connection, from its opening to its end.
    async fn connect(&mut self, events: &mpsc::Sender<Event>) -> Result<(), End> {
        let was_located = std::mem::take(&mut self.is_located);
        if !was_located {
            self.locate(events).await?;
        }
        let Self { of: Following { server, filter, timing, .. }, position, .. } = self;
        let socket = match server.open(position.last(), filter).await {
            Ok(socket) => socket,
            // Perhaps the event is gone from the log: the next attempt asks for it.
            Err(End::Refused(reason)) if was_located => return Err(End::Again(reason)),
            Err(end) => return Err(end),
        };
        self.is_located = true;
        let opened = Instant::now();
        let end = listen(socket, position, events, timing).await;
        if opened.elapsed() >= timing.stable {
            self.failures = 0;
        }
        end
    }

    /// Finds by HTTP the event to begin after, so that a connection lost before its first event loses nothing. That it
    /// is not in the log is final, if it never was.
    async fn locate(&mut self, events: &mpsc::Sender<Event>) -> Result<(), End> {
        let Self { of: Following { server, begin, filter, timing }, position, was_there, missed, .. } = self;
        let known = position.last();
        if let (None, Begin::Now) = (known, *begin) {
            *begin = server.head().await?.map_or(Begin::First, Begin::After);
        }
        let last = match *begin {
            _ if known.is_some() => known,
            Begin::After(id) => Some(id),
            Begin::First | Begin::Now => None,
        };
        if let Some(id) = last {
            let Some(event) = server.event(id).await? else {
                *missed += 1;
                let gone = format!("event {id} is not in this log (any more)");
                return Err(if *was_there && *missed < MISSES { End::Again(gone) } else { End::No(gone) });
            };
            (*was_there, *missed) = (true, 0);
            if known.is_none() {
                *position = Position::behind(&event, filter.is_some());
            }
            return Ok(());
        }
        // There is no event yet after which a WebSocket could begin.
        let first = loop {
            match server.first().await? {
                Some(first) => break first,
                None => sleep(timing.empty).await,
            }
        };
        position.take(&first).map_err(|invalid| End::No(format!("{BROKEN} at {invalid}")))?;
        if filter.takes(&first) {
            // There is room: it is the first one.
            let _ = events.try_send(first);
        }
        *was_there = true;
        Ok(())
    }
}
