//! The WebSocket connections, and who serves them.

use std::future::Future;
use std::time::Duration;

use eventlog_chain::Timestamp;

use crate::{Filter, Seq, Shard, StoreError, now};

/// One open WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The gateway's name for it: an opaque text.
    pub id: String,
    /// When it was opened, by the clock of the one who stored it.
    pub connected_at: Timestamp,
    /// Which events it wants.
    pub filter: Filter,
    /// Whether it takes arrays of events.
    pub batch: bool,
    /// Place of the next event to look at: of those before it, all that it wants were delivered.
    pub position: Seq,
}

/// Connections that were added since an earlier look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// These, and perhaps some that an earlier look has given already.
    pub connections: Vec<Connection>,
    /// To be given at the next look; means nothing to anyone but the store.
    pub mark: i64,
}

/// What somebody who asks for a lease is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Somebody else holds it.
    Refused,
    /// It is theirs, and may have been somebody else's before.
    New,
    /// It is theirs, and was nobody else's since they had it last.
    Kept,
}

/// Where the connections of one gateway are kept. Cloning gives another handle on the same store.
///
/// The lease says which broadcaster serves them. It is a hint for speed: two who both think they hold it
/// deliver some events twice, and lose none.
pub trait ConnectionStore: Clone + Send + Sync + 'static {
    /// A handle that looks at the connections of one share alone, with a lease of its own. What names a connection by
    /// its id works on any.
    fn shard(&self, shard: Shard) -> Self;

    /// Adds a connection. One with this id is replaced.
    fn add(&self, connection: Connection) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets a connection; one that is not there is no error.
    fn remove(&self, id: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether a connection is still there.
    fn contains(&self, id: &str) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// About how many connections there are, in all shares and of all gateways; costs the same however many.
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The connections that were added since the look that gave `mark`; all of them for `None`.
    fn joined(&self, mark: Option<i64>) -> impl Future<Output = Result<Joined, StoreError>> + Send;

    /// Moves positions forward; a position behind the stored one and an unknown id change nothing.
    fn advance(&self, positions: &[(String, Seq)]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets the connections, of whichever gateway, that were opened before `before`, and may forget leases that lapsed
    /// before; answers how many connections.
    fn sweep(&self, before: Timestamp) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Takes the lease for `owner`, or renews it, for so long from now.
    fn lease(&self, owner: &str, time: Duration) -> impl Future<Output = Result<Lease, StoreError>> + Send;

    /// Gives the lease back; one that `owner` does not hold is no error.
    fn release(&self, owner: &str) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Both gateways close a connection after two hours. What is older was left behind: a `$disconnect` may never come.
const MAX_AGE_MILLIS: i64 = 130 * 60 * 1000;

/// Forgets the connections that no gateway can have any more.
pub async fn sweep_old(connections: &impl ConnectionStore) -> Result<(), StoreError> {
    match Timestamp::from_millis(now().millis() - MAX_AGE_MILLIS) {
        Ok(before) => connections.sweep(before).await.map(drop),
        // The clock is at the beginning of time: nothing can be older.
        Err(_) => Ok(()),
    }
}
