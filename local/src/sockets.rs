//! The open WebSockets of this process: the local counterpart of API Gateway's `@connections`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eventlog_ledger::broadcast::{Message, Push, PushError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes of messages that wait for one socket. When there are more, the broadcaster waits, for this socket only.
const MAILBOX: u32 = 256 << 10;

/// Connection ids and their mailboxes.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<String, Slot>>>);

/// Where messages are thrown in.
#[derive(Clone)]
struct Slot {
    mailbox: mpsc::UnboundedSender<Letter>,
    /// Bytes that are free. Who drops the mailbox drops what is in it, and so wakes who waits.
    room: Arc<Semaphore>,
}

/// A message that waits, and the room that it takes.
pub(crate) struct Letter {
    pub(crate) message: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Sockets {
    /// Opens a mailbox; what is posted waits there until the socket is ready for it.
    pub(crate) fn open(&self, id: &str) -> mpsc::UnboundedReceiver<Letter> {
        let (sender, mailbox) = mpsc::unbounded_channel();
        let slot = Slot { mailbox: sender, room: Arc::new(Semaphore::new(MAILBOX as usize)) };
        self.lock().insert(id.to_owned(), slot);
        mailbox
    }

    pub(crate) fn close(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Push for Sockets {
    async fn post(&self, connection: &str, message: Message) -> Result<(), PushError> {
        let slot = self.lock().get(connection).cloned();
        let Slot { mailbox, room } = slot.ok_or(PushError::Gone)?;
        let bytes = u32::try_from(message.json_len()).map_or(MAILBOX, |bytes| bytes.min(MAILBOX));
        let room = room.acquire_many_owned(bytes).await.map_err(|_| PushError::Gone)?;
        mailbox.send(Letter { message: message.json(), _room: room }).map_err(|_| PushError::Gone)
    }
}
