//! A fixed number of connections that read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use eventlog_ledger::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::store_error;
use crate::identity::Identity;
use crate::schema::open_reader;
use crate::writer::JOB_TIMEOUT;

/// Reads from one database. Each connection takes up to three file descriptors and 2 MB of pages, so their number is fixed;
/// further reads wait for a free one.
#[derive(Clone)]
pub(crate) struct Readers {
    path: Arc<PathBuf>,
    identity: Arc<Identity>,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, identity: Arc<Identity>) -> Self {
        let count = available_parallelism().map_or(4, |cores| cores.get().clamp(4, 16));
        Self { path: Arc::new(path), identity, free: Arc::new(Semaphore::new(count)), idle: Arc::default() }
    }

    /// Runs a query on a free connection, on a thread that may block.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no connection becomes free in time, or the files are not those that were opened.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let free = timeout(JOB_TIMEOUT, self.free.clone().acquire_owned()).await;
        let permit = free.map_err(|_| StoreError::unavailable("too many reads wait for the database"))?;
        let permit = permit.map_err(StoreError::unavailable)?;
        let readers = self.clone();
        let job = move || {
            // A query that is no longer awaited still occupies its connection.
            let _permit = permit;
            readers.identity.check().map_err(StoreError::unavailable)?;
            let idle = readers.lock().pop();
            let connection = idle.map_or_else(|| readers.open(), Ok)?;
            let answer = query(&connection).map_err(store_error)?;
            readers.lock().push(connection);
            Ok(answer)
        };
        tokio::task::spawn_blocking(job).await.map_err(StoreError::unavailable)?
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = open_reader(&self.path).map_err(store_error)?;
        // Once more: a connection to a foreign file must not be kept.
        self.identity.check().map_err(StoreError::unavailable)?;
        Ok(connection)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
