//! Who is connected: what each has got, and when.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use eventlog_ledger::{Connection, Filter, Seq, Timestamp, now};
use tokio::time::Instant;

/// Clients with a connection each. The event at place `n` has the number `n` in its payload.
pub(crate) struct Clients {
    clients: Vec<Client>,
    by_id: HashMap<String, usize>,
    /// When the event with each number was sent off, from the first new one on.
    sent: RwLock<Vec<Instant>>,
    first_new: Seq,
    deliveries: Mutex<Vec<Delivery>>,
    repeats: AtomicU64,
    faults: Mutex<Vec<String>>,
}

struct Client {
    id: String,
    crowd: usize,
    /// Wants events whose number leaves this remainder by so many: those of one of so many sources.
    source: Option<(Seq, Seq)>,
    /// Number of the next event that it wants and has not got; none while it has not come.
    next: Mutex<Seq>,
}

/// The first time that a client got an event that was new.
#[derive(Clone, Copy)]
pub(crate) struct Delivery {
    pub(crate) crowd: usize,
    pub(crate) arrived: Instant,
    /// Since the event was sent off.
    pub(crate) lag: Duration,
}

/// Some clients that are alike.
#[derive(Clone, Copy)]
pub(crate) struct Crowd {
    pub(crate) clients: usize,
    /// Each wants one of so many sources; 0: all.
    pub(crate) sources: usize,
    pub(crate) batch: bool,
    /// Events that it lacks when it comes.
    pub(crate) behind: Seq,
    /// So many seconds after the first event; `None`: before it.
    pub(crate) comes: Option<u64>,
}

/// The source of an event.
pub(crate) fn source(number: Seq, sources: usize) -> String {
    format!("app{}", number.checked_rem(sources as Seq).unwrap_or_default())
}

impl Clients {
    /// In a log that has `length` events already. Nobody has come yet.
    pub(crate) fn new(crowds: &[Crowd], length: Seq) -> Self {
        let mut clients = Vec::new();
        for (crowd, Crowd { clients: many, sources, .. }) in crowds.iter().enumerate() {
            for n in 0..*many {
                // As long as API Gateway's.
                let id = format!("L0SM9c{:07x}=", clients.len());
                let of = *sources as Seq;
                let source = (of > 0).then(|| (n as Seq % of, of));
                clients.push(Client { id, crowd, source, next: Mutex::new(Seq::MAX) });
            }
        }
        let by_id = clients.iter().enumerate().map(|(at, client)| (client.id.clone(), at)).collect();
        Self {
            clients,
            by_id,
            sent: RwLock::default(),
            first_new: length,
            deliveries: Mutex::default(),
            repeats: AtomicU64::new(0),
            faults: Mutex::default(),
        }
    }

    /// A crowd comes: what the store keeps of it.
    pub(crate) fn arrive(&self, index: usize, crowd: Crowd) -> Result<Vec<Connection>> {
        // Long enough ago that whoever looks gone is gone.
        let connected_at = Timestamp::from_millis(now().millis() - 60_000)?;
        let position = self.length().saturating_sub(crowd.behind);
        let connection = |client: &Client| {
            let first = client.source.map_or(position, |(remainder, of)| next_of(position, remainder, of));
            *client.next.lock().unwrap_or_else(PoisonError::into_inner) = first;
            let source_app_id = client.source.map(|(remainder, of)| source(remainder, of as usize));
            let filter = Filter { event_type: None, source_app_id };
            Connection { id: client.id.clone(), connected_at, filter, batch: crowd.batch, position }
        };
        Ok(self.clients.iter().filter(|client| client.crowd == index).map(connection).collect())
    }

    /// How many events there are.
    fn length(&self) -> Seq {
        self.first_new + self.sent.read().unwrap_or_else(PoisonError::into_inner).len() as Seq
    }

    /// An event is sent off; answers its number.
    pub(crate) fn send(&self) -> Seq {
        let mut sent = self.sent.write().unwrap_or_else(PoisonError::into_inner);
        sent.push(Instant::now());
        self.first_new + sent.len() as Seq - 1
    }

    /// A connection takes a message: an event, or an array of them.
    pub(crate) fn receive(&self, connection: &str, message: &[u8]) {
        let taken = self.by_id.get(connection).context("nobody has this connection");
        if let Err(fault) = taken.and_then(|client| self.take(&self.clients[*client], message)) {
            self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault.to_string());
        }
    }

    fn take(&self, client: &Client, message: &[u8]) -> Result<()> {
        let numbers = numbers(message)?;
        let arrived = Instant::now();
        let mut next = client.next.lock().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            if number > *next {
                bail!("{} gets event {number} before {next}", client.id);
            }
            if number < *next {
                self.repeats.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            *next += client.source.map_or(1, |(_, of)| of);
            let sent = self.sent.read().unwrap_or_else(PoisonError::into_inner);
            let sent = number.checked_sub(self.first_new).and_then(|at| sent.get(at as usize));
            if let Some(sent) = sent {
                let (crowd, lag) = (client.crowd, arrived - *sent);
                let delivery = Delivery { crowd, arrived, lag };
                self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
            }
        }
        Ok(())
    }

    /// Events that clients want and have not got.
    pub(crate) fn missing(&self) -> u64 {
        let length = self.length();
        let missing = |client: &Client| {
            let next = *client.next.lock().unwrap_or_else(PoisonError::into_inner);
            length.saturating_sub(next).div_ceil(client.source.map_or(1, |(_, of)| of))
        };
        self.clients.iter().map(missing).sum()
    }

    /// The deliveries of new events so far, the repeats, and what went wrong.
    pub(crate) fn result(&self) -> (Vec<Delivery>, u64, Vec<String>) {
        let deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (deliveries, self.repeats.load(Ordering::Relaxed), faults)
    }
}

/// The first number from `from` on that leaves this remainder.
fn next_of(from: Seq, remainder: Seq, of: Seq) -> Seq {
    from + (remainder + of - from % of) % of
}

/// The numbers of the events in a message.
fn numbers(message: &[u8]) -> Result<Vec<Seq>> {
    #[derive(serde::Deserialize)]
    struct Numbered {
        #[serde(rename = "dataPayload")]
        payload: Payload,
    }
    #[derive(serde::Deserialize)]
    struct Payload {
        n: Seq,
    }
    Ok(match message.first() {
        Some(b'[') => {
            let events: Vec<Numbered> = serde_json::from_slice(message)?;
            events.into_iter().map(|event| event.payload.n).collect()
        }
        _ => vec![serde_json::from_slice::<Numbered>(message)?.payload.n],
    })
}
