//! The hash chain: canonical JSON, linking and verifying events.
//!
//! Pure: no I/O, no async, no clock. An event's `currentHash` is the SHA-1 of the RFC 8785 (JCS) bytes of
//! the event without `currentHash`; its `previousHash` is the `currentHash` of the event before it. So
//! anyone can check a log with a few lines of any language:
//!
//! ```
//! use eventlog_chain::{Event, Verifier};
//!
//! let event = Event::from_json(
//!     r#"{"_id":"64fdc8e5a835b1c4d6c5693f","eventType":"Login","sourceAppId":"App1",
//!         "dataPayload":{"userId":"12345","action":"loggedIn"},
//!         "timestamp":"2024-11-22T08:32:05.391Z","previousHash":"",
//!         "currentHash":"4854973128d1e444e7024a949b73fc980ae5f5e0"}"#,
//! )?;
//! let mut verifier = Verifier::from_start();
//! verifier.check(&event)?;
//! assert_eq!(verifier.checked(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod event;
mod hex;
mod json;
mod line;
mod link;
mod timestamp;
mod tokens;
mod tree;
mod verify;

pub use canonical::canonical;
pub use event::{Event, Malformed, Payload};
pub use hex::{EventId, Hash, NotHex};
pub use json::{Fault, MAX_SAFE_INTEGER, parse as parse_json, pointer_step};
pub use link::{Draft, Tip};
pub use timestamp::{NotATimestamp, Timestamp};
pub use verify::{Checked, Invalid, Reason, Verifier};
