//! What was posted, and what became of it at each socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::Notify;

/// Stands before the number of an event, eight digits.
const MARK: &[u8] = br#""n":""#;
const DIGITS: usize = 8;

/// An event under way.
struct Posted {
    at: Instant,
    /// Sockets that have yet to get it.
    left: usize,
    by_all: Arc<Notify>,
}

/// What one socket got: numbers in the order in which they came.
#[derive(Default)]
struct Received {
    numbers: Vec<u32>,
    /// A bit for each number.
    seen: Vec<u64>,
    repeats: usize,
}

/// All that was posted and received since the sockets were opened.
pub(crate) struct Tally {
    posted: Vec<Posted>,
    received: Vec<Received>,
    latencies: Vec<Duration>,
    /// Deliveries that are due.
    due: usize,
    last: Instant,
    /// Told when none is due.
    idle: Arc<Notify>,
    /// Where the mark stands: at the same place in each event.
    place: Option<usize>,
}

/// What the sockets got, held against the order of the log.
#[derive(Clone, Copy, Default)]
pub(crate) struct Audit {
    pub(crate) missing: usize,
    /// First deliveries that came after that of a later event.
    pub(crate) out_of_order: usize,
    pub(crate) repeats: usize,
}

/// An event of about 300 bytes, as that of the other benchmarks, with its number.
pub(crate) fn body(number: u32) -> String {
    format!(
        concat!(
            r#"{{"eventType":"Login","sourceAppId":"App1","#,
            r#""dataPayload":{{"n":"{:08}","userId":"12345","action":"loggedIn","attempt":1}}}}"#
        ),
        number
    )
}

impl Tally {
    pub(crate) fn new(sockets: usize) -> Self {
        Self {
            posted: Vec::new(),
            received: (0..sockets).map(|_| Received::default()).collect(),
            latencies: Vec::new(),
            due: 0,
            last: Instant::now(),
            idle: Arc::default(),
            place: None,
        }
    }

    /// How many events there are.
    pub(crate) fn events(&self) -> usize {
        self.posted.len()
    }

    /// An event is posted now: its number, and who is told when all sockets have it.
    pub(crate) fn post(&mut self) -> (u32, Arc<Notify>) {
        let (number, by_all) = (self.posted.len() as u32, Arc::<Notify>::default());
        let left = self.received.len();
        self.due += left;
        self.posted.push(Posted { at: Instant::now(), left, by_all: by_all.clone() });
        (number, by_all)
    }

    /// A message has come.
    pub(crate) fn take(&mut self, socket: usize, message: &[u8], now: Instant) -> Result<()> {
        let number = self.number(message)?;
        let posted = self.posted.get_mut(number as usize).context("an event that nobody posted")?;
        let received = &mut self.received[socket];
        if !received.is_first(number) {
            received.repeats += 1;
            return Ok(());
        }
        received.numbers.push(number);
        self.latencies.push(now - posted.at);
        self.last = now;
        posted.left -= 1;
        if posted.left == 0 {
            posted.by_all.notify_one();
        }
        self.due -= 1;
        if self.due == 0 {
            self.idle.notify_one();
        }
        Ok(())
    }

    fn number(&mut self, message: &[u8]) -> Result<u32> {
        if self.place.is_none() {
            self.place = message.windows(MARK.len()).position(|bytes| bytes == MARK);
        }
        let rest = self.place.and_then(|place| message.get(place..)).and_then(|rest| rest.strip_prefix(MARK));
        let digits =
            rest.and_then(|rest| rest.get(..DIGITS)).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let digits = digits.with_context(|| format!("not an event of ours: {}", message.escape_ascii()))?;
        Ok(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    /// Deliveries that are due, and who is told when none is.
    pub(crate) fn due(&self) -> (usize, Arc<Notify>) {
        (self.due, self.idle.clone())
    }

    /// When the last message came.
    pub(crate) fn last(&self) -> Instant {
        self.last
    }

    /// From when an event was posted until a socket had it; since this was last asked.
    pub(crate) fn latencies(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.latencies)
    }

    /// The order in which the first socket got the events: that of a system without a log.
    pub(crate) fn first_order(&self) -> Vec<u32> {
        self.received.first().map(|received| received.numbers.clone()).unwrap_or_default()
    }

    /// Holds what came against the order of the log.
    pub(crate) fn audit(&self, log: &[u32]) -> Result<Audit> {
        let mut places = vec![u32::MAX; self.posted.len()];
        for (place, number) in log.iter().enumerate() {
            *places.get_mut(*number as usize).context("the log has an event that nobody posted")? =
                place as u32;
        }
        let mut audit = Audit::default();
        for received in &self.received {
            audit.missing += self.posted.len() - received.numbers.len();
            audit.repeats += received.repeats;
            let mut furthest = 0;
            for number in &received.numbers {
                let place = places[*number as usize];
                audit.out_of_order += usize::from(place < furthest);
                furthest = furthest.max(place);
            }
        }
        Ok(audit)
    }
}

impl Received {
    fn is_first(&mut self, number: u32) -> bool {
        let (word, bit) = (number as usize / 64, 1 << (number % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        let is_first = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_first
    }
}
