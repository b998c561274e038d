//! What is applied, what a majority has, and what majority reads see.
//!
//! Every change is applied to `local` at once and appended to the log. It is *committed* when a majority has it,
//! and *visible* to majority reads when it has been applied to the second copy as well. Both only ever move
//! forward along the log, but a change that is not committed can be rolled back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use mongodb::bson::DateTime;

use crate::collection::IndexSpec;
use crate::databases::{Collections, Databases, Namespace};
use crate::documents::Stored;
use crate::documents::key::Key;
use crate::failure::Failure;
use crate::settings::Settings;

/// What is remembered for change streams that resume.
const HISTORY: usize = 100_000;

/// One step of the log, with what it takes to undo it.
pub(crate) enum Change {
    Put { namespace: Namespace, id: Key, before: Option<Stored>, after: Option<Stored> },
    Index { namespace: Namespace, spec: IndexSpec },
    Drop { database: String, before: Collections },
}

/// A step of the log and its time.
pub(crate) struct Operation {
    pub(crate) change: Change,
    pub(crate) time: DateTime,
    committed_at: Instant,
}

/// A place in the log. Numbers count from 1, and are given again after a roll-back: hence the term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) term: usize,
    pub(crate) number: u64,
}

/// What became of all up to a position.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Committed,
    RolledBack,
    /// Until then, unless replication is held.
    Waiting(Option<Instant>),
}

/// The state of all members: the primary's, and the state that majority reads see.
pub(crate) struct Replication {
    pub(crate) local: Databases,
    pub(crate) majority: Databases,
    log: VecDeque<Operation>,
    /// How many operations were forgotten: the number of the one before the first in the log.
    forgotten: u64,
    committed: u64,
    visible: u64,
    /// For each past term, the last number that was kept.
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
            forgotten: 0,
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
        Position { term: self.term(), number: self.forgotten + self.log.len() as u64 }
    }

    /// The number up to which what was at a position then is still there now: what came after it was rolled back.
    pub(crate) fn surviving(&self, position: Position) -> u64 {
        let kept = self.past_terms.iter().skip(position.term).min();
        kept.map_or(position.number, |&kept| position.number.min(kept))
    }

    /// The operations after `number` that majority reads see; an error if they were forgotten.
    pub(crate) fn visible_after(
        &self,
        number: u64,
    ) -> Result<impl Iterator<Item = (u64, &Operation)>, Failure> {
        let skip = number.checked_sub(self.forgotten).ok_or_else(Failure::history_lost)?;
        let count = self.visible.saturating_sub(number);
        let index = |count| usize::try_from(count).unwrap_or(usize::MAX);
        let operations = self.log.iter().skip(index(skip)).take(index(count));
        Ok((number + 1..).zip(operations))
    }

    /// Applies a change that is known to be possible.
    pub(crate) fn apply(&mut self, change: Change) -> Result<(), Failure> {
        self.local.apply(&change)?;
        let committed_at = Instant::now() + self.majority_delay;
        self.log.push_back(Operation { change, time: DateTime::now(), committed_at });
        if self.majority_delay.is_zero() {
            self.advance()?;
        }
        Ok(())
    }

    /// Takes in what time has done. To be called before anything is read.
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
            let at = usize::try_from(self.visible - self.forgotten).unwrap_or(usize::MAX);
            let operation = &mut self.log[at];
            if operation.committed_at + self.read_lag > now {
                break;
            }
            self.majority.apply(&operation.change)?;
            self.visible += 1;
            if let Change::Drop { before, .. } = &mut operation.change {
                // It will not be undone any more.
                *before = Collections::default();
            }
        }
        while self.log.len() > HISTORY && self.forgotten < self.visible {
            self.log.pop_front();
            self.forgotten += 1;
        }
        Ok(())
    }

    /// When [`advance`](Self::advance) will next make something visible, if time alone does.
    pub(crate) fn next_visible(&self) -> Option<Instant> {
        let next = (self.visible < self.last().number).then(|| self.operation(self.visible + 1))?;
        (self.visible < self.committed || !self.is_held).then(|| next.committed_at + self.read_lag)
    }

    pub(crate) fn fate(&self, position: Position) -> Fate {
        match self.past_terms.get(position.term) {
            Some(&kept) if position.number > kept => Fate::RolledBack,
            _ if position.number <= self.committed => Fate::Committed,
            _ if self.is_held => Fate::Waiting(None),
            _ => Fate::Waiting(Some(self.operation(position.number).committed_at)),
        }
    }

    fn operation(&self, number: u64) -> &Operation {
        &self.log[usize::try_from(number - self.forgotten - 1).unwrap_or(usize::MAX)]
    }

    /// From now on nothing more becomes committed by itself, or again everything.
    pub(crate) fn hold(&mut self, is_held: bool) -> Result<(), Failure> {
        self.advance()?;
        self.is_held = is_held;
        self.advance()
    }

    /// A majority gets the next `count` operations now.
    pub(crate) fn commit(&mut self, count: u64) -> Result<(), Failure> {
        self.advance()?;
        let now = Instant::now();
        for _ in 0..count.min(self.last().number - self.committed) {
            let next = usize::try_from(self.committed - self.forgotten).unwrap_or(usize::MAX);
            self.log[next].committed_at = now;
            self.committed += 1;
        }
        self.show(now)
    }

    pub(crate) fn uncommitted(&self) -> u64 {
        self.last().number - self.committed
    }

    /// Begins a new term, without what is not committed unless `keep`. Answers the last number that was kept and
    /// how many were not.
    pub(crate) fn begin_term(&mut self, keep: bool) -> Result<(u64, u64), Failure> {
        self.advance()?;
        let last = self.last().number;
        let kept = if keep { last } else { self.committed };
        for _ in kept..last {
            if let Some(operation) = self.log.pop_back() {
                self.local.undo(operation.change)?;
            }
        }
        self.past_terms.push(kept);
        Ok((kept, last - kept))
    }
}
