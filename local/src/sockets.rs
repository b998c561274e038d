//! The open WebSockets of this process: the local counterpart of API Gateway's `@connections`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eventlog_ledger::broadcast::{Push, PushError};
use tokio::sync::mpsc;

/// Messages that wait for one socket. When there are more, the broadcaster waits, for this socket only.
const MAILBOX: usize = 64;

/// Connection ids and their mailboxes.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<String, mpsc::Sender<Bytes>>>>);

impl Sockets {
    /// Opens a mailbox; what is posted waits there until the socket is ready for it.
    pub(crate) fn open(&self, id: &str) -> mpsc::Receiver<Bytes> {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        self.lock().insert(id.to_owned(), sender);
        mailbox
    }

    pub(crate) fn close(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, mpsc::Sender<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Push for Sockets {
    async fn post(&self, connection: &str, message: Bytes) -> Result<(), PushError> {
        let mailbox = self.lock().get(connection).cloned();
        let mailbox = mailbox.ok_or(PushError::Gone)?;
        mailbox.send(message).await.map_err(|_| PushError::Gone)
    }
}
