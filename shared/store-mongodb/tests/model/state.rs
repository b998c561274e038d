//! What there is between two steps.

use crate::ids::Ids;
use crate::server::{Document, Rules, Server};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) server: Server,
    pub(crate) writers: Vec<Writer>,
    /// Inserts that nobody waits for any more, sorted. The server gets to them whenever it will, as often as it
    /// will, or never.
    pub(crate) late: Vec<Sent>,
    pub(crate) left: Faults,
}

/// One append, in a process of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    /// Its events of which it knows that they stand in the log. Each counts as acknowledged, though the code
    /// waits for all of a batch.
    pub(crate) settled: Ids,
    /// The head that its last insert left behind.
    pub(crate) head: Option<Document>,
    pub(crate) doing: Doing,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    /// About to read, to look up, or to send.
    #[default]
    Next,
    /// Waiting for the answer to an insert.
    Inserting(Sent),
    Dead,
}

/// An ordered insert on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sent {
    pub(crate) documents: Vec<Document>,
    /// How many of the documents it has put into the log that stand there. A driver may send it again, after a
    /// fail-over for instance; the server knows by the numbers of the statements which are done, and goes on
    /// there.
    pub(crate) done: usize,
}

/// How many faults of each kind may yet happen. Of lost answers there is no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    pub(crate) deaths: u8,
    /// Inserts that outlive the wait for their answer.
    pub(crate) late: u8,
    pub(crate) fail_overs: u8,
}

impl Writer {
    pub(crate) fn settle(&mut self, found: Ids) {
        self.settled = self.settled.and(found);
    }
}

impl Sent {
    /// The server gets to it, or gets to it again. Whether all of it is done then.
    pub(crate) fn insert(&mut self, server: &mut Server, rules: Rules) -> bool {
        self.done += server.insert(&self.documents[self.done..], rules);
        self.done == self.documents.len()
    }

    fn standing_in(&self, log: &[Document]) -> usize {
        self.documents[..self.done].iter().take_while(|document| log.contains(document)).count()
    }

    /// Whether a majority has all of it.
    pub(crate) fn is_committed(&self, server: &Server) -> bool {
        self.standing_in(server.committed()) == self.documents.len()
    }

    /// Whether it can do anything, now or ever.
    fn can_do(&self, server: &Server, rules: Rules) -> bool {
        server.could_insert(&self.documents[self.standing_in(server.committed())..], rules)
    }
}

impl State {
    pub(crate) fn first(writers: usize, left: Faults) -> Self {
        let writers = vec![Writer::default(); writers];
        Self { server: Server::default(), writers, late: Vec::new(), left }
    }

    pub(crate) fn acknowledged(&self) -> Ids {
        self.writers.iter().fold(Ids::default(), |all, writer| all.and(writer.settled))
    }

    /// The inserts that somebody waits for.
    pub(crate) fn inserting(&self) -> impl Iterator<Item = (usize, &Sent)> {
        self.writers.iter().enumerate().filter_map(|(writer, state)| match &state.doing {
            Doing::Inserting(sent) => Some((writer, sent)),
            Doing::Next | Doing::Dead => None,
        })
    }

    /// The writer goes on to something else. Nobody will ever hear of its insert, or it becomes a late one.
    pub(crate) fn stop_waiting(&mut self, writer: usize, next: Doing, late: bool) {
        let before = std::mem::replace(&mut self.writers[writer].doing, next);
        if let (Doing::Inserting(sent), true) = (before, late) {
            self.left.late -= 1;
            self.late.push(sent);
            self.late.sort();
        }
    }

    pub(crate) fn fail_over(&mut self, kept: usize) {
        self.left.fail_overs -= 1;
        self.server.fail_over(kept);
        let awaited = self.writers.iter_mut().filter_map(|writer| match &mut writer.doing {
            Doing::Inserting(sent) => Some(sent),
            Doing::Next | Doing::Dead => None,
        });
        for sent in awaited.chain(&mut self.late) {
            sent.done = sent.standing_in(&self.server.log);
        }
        self.late.sort();
    }

    /// The writers whose insert cannot do anything any more, so that they can only get an error.
    pub(crate) fn refused(&self, rules: Rules) -> Vec<usize> {
        let is_refused = |(_, sent): &(usize, &Sent)| {
            !sent.can_do(&self.server, rules) && !sent.is_committed(&self.server)
        };
        self.inserting().filter(is_refused).map(|(writer, _)| writer).collect()
    }

    /// Leaves out what cannot do anything any more: it would only make one state look like two.
    pub(crate) fn forget(&mut self, rules: Rules) {
        self.late.retain(|sent| sent.can_do(&self.server, rules));
        let committed = self.server.committed();
        for writer in &mut self.writers {
            let is_end = |head: &Document| committed.iter().all(|event| event.seq <= head.seq);
            writer.head = writer.head.filter(is_end);
        }
    }
}
