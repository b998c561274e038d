//! The domain: what may be logged, where it is kept, who is told.
//!
//! The store traits stand here, with their consumers; their documentation is the contract that every
//! backend keeps and that one suite (`eventlog-testing`) checks.

pub mod broadcast;
mod connections;
mod events;
mod filter;
mod limits;
mod new_event;
mod now;
mod shard;
mod submission;
pub mod verify;

pub use connections::{Connection, ConnectionStore, Joined, Lease, sweep_old};
pub use eventlog_chain::{Draft, Event, EventId, Fault, Hash, Payload, Timestamp, Tip};
pub use events::{EventStore, Head, Order, Page, Query, Seq, StoreError};
pub use filter::Filter;
pub use limits::{MAX_EVENT_BYTES, MAX_EVENTS, MAX_PAYLOAD_DEPTH, MAX_TEXT_CHARS, check_limits};
pub use new_event::{NewEvent, NewEvents, Rejected};
pub use now::{new_id, now};
pub use shard::{Shard, bucket};
pub use submission::{IdempotencyKey, InvalidKey, RequestId, Submission};
