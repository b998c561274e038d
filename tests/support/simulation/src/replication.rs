//! Replication: the operation log, and the states of the primary and of the majority.
//!
//! Each change is applied to `local` at once and appended to the log. A change is *committed* when a majority has it,
//! and *visible* to majority reads when it is applied to `majority` too. Both only move forward along the log. An
//! uncommitted change can be rolled back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mongodb::bson::DateTime;

use crate::failure::Failure;
use crate::settings::Settings;
use crate::storage::databases::{Change, Collections, Databases};

/// Maximum number of visible operations that are kept for change streams.
const MAX_HISTORY: usize = 100_000;

/// An operation in the log.
pub(crate) struct Operation {
    pub(crate) change: Change,
    pub(crate) time: DateTime,
    committed_at: Instant,
}

/// The position of an operation. Numbers count from 1 and are reused after a roll-back, hence the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) term: usize,
    pub(crate) number: u64,
}

/// The state of the operations up to a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    RolledBack,
    /// Not committed yet. The time of the commit is unknown while replication is held.
    Pending(Option<Instant>),
}

/// The state of all members: that of the primary, and that which majority reads see.
pub(crate) struct Replication {
    pub(crate) local: Databases,
    pub(crate) majority: Databases,
    log: VecDeque<Operation>,
    /// The number of operations that were removed from the start of the log.
    removed: u64,
    committed: u64,
    visible: u64,
    /// For each past term, the number of the last operation that was kept.
    past_terms: Vec<u64>,
    is_held: bool,
    majority_delay: Duration,
    read_lag: Duration,
}

impl Replication {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            local: Databases::default(),
            majority: Databases::default(),
            log: VecDeque::new(),
            removed: 0,
            committed: 0,
            visible: 0,
            past_terms: Vec::new(),
            is_held: false,
            majority_delay: settings.majority_delay,
            read_lag: settings.read_lag,
        }
    }

    pub(crate) fn term(&self) -> usize {
        self.past_terms.len()
    }

    pub(crate) fn last(&self) -> Position {
        Position { term: self.term(), number: self.removed + self.log.len() as u64 }
    }

    /// Returns the number of the last operation up to `position` that was not rolled back.
    pub(crate) fn last_kept(&self, position: Position) -> u64 {
        let kept = self.past_terms.iter().skip(position.term).min();
        kept.map_or(position.number, |&kept| position.number.min(kept))
    }

    /// Returns the visible operations after `number`. Fails if they were removed from the log.
    pub(crate) fn visible_after(
        &self,
        number: u64,
    ) -> Result<impl Iterator<Item = (u64, &Operation)>, Failure> {
        let skip = number.checked_sub(self.removed).ok_or_else(Failure::history_lost)?;
        let count = self.visible.saturating_sub(number);
        let index = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let operations = self.log.iter().skip(index(skip)).take(index(count));
        Ok((number + 1..).zip(operations))
    }

    /// Applies a change, which was checked before.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), Failure> {
        self.local.apply(&change)?;
        let committed_at = Instant::now() + self.majority_delay;
        self.log.push_back(Operation { change, time: DateTime::now(), committed_at });
        if self.majority_delay.is_zero() {
            self.advance()?;
        }
        Ok(())
    }

    /// Commits and shows all operations that are due. Must be called before a read.
    pub(crate) fn advance(&mut self) -> Result<(), Failure> {
        let last = self.last().number;
        if self.visible == last {
            return Ok(());
        }
        let now = Instant::now();
        while !self.is_held && self.committed < last && self.operation(self.committed + 1).committed_at <= now
        {
            self.committed += 1;
        }
        self.show(now)
    }

    fn show(&mut self, now: Instant) -> Result<(), Failure> {
        while self.visible < self.committed {
            let index = self.index(self.visible + 1);
            let operation = &mut self.log[index];
            if operation.committed_at + self.read_lag > now {
                break;
            }
            self.majority.apply(&operation.change)?;
            self.visible += 1;
            if let Change::Drop { before, .. } = &mut operation.change {
                // A committed change is not undone.
                *before = Collections::default();
            }
        }
        while self.log.len() > MAX_HISTORY && self.removed < self.visible {
            self.log.pop_front();
            self.removed += 1;
        }
        Ok(())
    }

    /// Returns when [`advance`](Self::advance) makes the next operation visible; `None` without one, or while
    /// replication is held.
    pub(crate) fn next_visible(&self) -> Option<Instant> {
        let next = (self.visible < self.last().number).then(|| self.operation(self.visible + 1))?;
        (self.visible < self.committed || !self.is_held).then(|| next.committed_at + self.read_lag)
    }

    pub(crate) fn fate(&self, position: Position) -> Fate {
        match self.past_terms.get(position.term) {
            Some(&kept) if position.number > kept => Fate::RolledBack,
            _ if position.number <= self.committed => Fate::Committed,
            _ if self.is_held => Fate::Pending(None),
            _ => Fate::Pending(Some(self.operation(position.number).committed_at)),
        }
    }

    fn operation(&self, number: u64) -> &Operation {
        &self.log[self.index(number)]
    }

    /// Returns the index of an operation in the log.
    fn index(&self, number: u64) -> usize {
        usize::try_from(number - self.removed - 1).unwrap_or(usize::MAX)
    }

    /// Stops or resumes commits by time.
    pub(crate) fn set_held(&mut self, is_held: bool) -> Result<(), Failure> {
        self.advance()?;
        self.is_held = is_held;
        self.advance()
    }

    /// Commits the next `count` operations now.
    pub(crate) fn commit(&mut self, count: u64) -> Result<(), Failure> {
        self.advance()?;
        let now = Instant::now();
        for _ in 0..count.min(self.last().number - self.committed) {
            let next = self.index(self.committed + 1);
            self.log[next].committed_at = now;
            self.committed += 1;
        }
        self.show(now)
    }

    pub(crate) fn uncommitted(&self) -> u64 {
        self.last().number - self.committed
    }

    /// Begins a new term; rolls back uncommitted operations unless `keep_uncommitted`. Returns the number of the last
    /// operation that was kept, and how many were rolled back.
    pub(crate) fn begin_term(&mut self, keep_uncommitted: bool) -> Result<(u64, u64), Failure> {
        self.advance()?;
        let last = self.last().number;
        let kept = if keep_uncommitted { last } else { self.committed };
        for _ in kept..last {
            if let Some(operation) = self.log.pop_back() {
                self.local.undo(operation.change)?;
            }
        }
        self.past_terms.push(kept);
        Ok((kept, last - kept))
    }
}
