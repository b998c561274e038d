//! Stores that are opened while an instance already waits for its first invocation.

use std::error::Error;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

use crate::{Database, OpenError};

/// Opening keeps the processor busy for a moment, so the request for the first invocation is let go before it. Once an
/// invocation waits for the stores, nothing does.
const HEAD_START: Duration = Duration::from_millis(1);

/// Stores on a database whose connection string must be fetched from somewhere.
///
/// A password can be changed while an instance lives, and a database be moved. Once a connection could not be made,
/// the next invocation begins anew with the connection string as it is then.
pub struct Lazy<T> {
    open: Box<dyn Fn() -> BoxFuture<'static, Result<Opened<T>, OpenError>> + Send + Sync>,
    opened: Mutex<Option<Opened<T>>>,
    wanted: Notify,
}

type Opened<T> = (Database, Arc<T>);

impl<T: Send + Sync + 'static> Lazy<T> {
    /// The stores that `make` makes on the database of the connection string that `fetch` gives.
    pub fn new<F, C, E, M>(fetch: impl Fn() -> F + Send + Sync + 'static, make: M) -> Self
    where
        F: Future<Output = Result<C, E>> + Send + 'static,
        C: Deref<Target = str> + Send + Sync,
        E: Into<Box<dyn Error + Send + Sync>>,
        M: Fn(&Database) -> T + Send + Sync + 'static,
    {
        let make = Arc::new(make);
        let open = move || -> BoxFuture<'static, _> {
            let (fetched, make) = (fetch(), make.clone());
            Box::pin(async move {
                let fetched = fetched.await.map_err(|error| OpenError::Fetch(error.into()))?;
                let database = Database::open(&fetched).await?;
                let stores = Arc::new(make(&database));
                Ok((database, stores))
            })
        };
        Self { open: Box::new(open), opened: Mutex::default(), wanted: Notify::new() }
    }

    /// The stores; opens them if need be. Several calls at once open them once.
    pub async fn get(&self) -> Result<Arc<T>, OpenError> {
        self.wanted.notify_one();
        let mut opened = self.opened.lock().await;
        if let Some((database, stores)) = &*opened
            && !database.is_shut_out()
        {
            return Ok(stores.clone());
        }
        let (_, stores) = opened.insert((self.open)().await?);
        Ok(stores.clone())
    }

    /// Opens the stores beside `work`, which waits for its first invocation meanwhile. Ends with it, or with the
    /// error if they cannot be opened.
    pub async fn beside<W: From<OpenError>>(
        &self,
        work: impl Future<Output = Result<(), W>>,
    ) -> Result<(), W> {
        // Whoever wants them has to wait until they are opened here, where an error ends everything.
        let mut opened = self.opened.lock().await;
        let open = async {
            let _ = timeout(HEAD_START, self.wanted.notified()).await;
            *opened = Some((self.open)().await?);
            drop(opened);
            Ok(())
        };
        tokio::select! {
            ended = work => ended,
            Err(error) = open => Err(error),
        }
    }
}
