//! What differs from run to run: the clock and fresh ids.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use eventlog_chain::{EventId, Timestamp};

/// The time by this machine's clock, cut to milliseconds. A clock outside the years 1970 to 9999 reads as the
/// nearest of them.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    const LAST: i64 = 253_402_300_799_999;
    Timestamp::from_millis(millis.min(LAST)).unwrap_or_else(|_| unreachable!("between 1970 and 9999"))
}

/// A fresh `_id`, laid out as MongoDB's ObjectId: 4 bytes of seconds, 5 that are random for this process and
/// a counter of 3 that starts at a random value.
pub fn new_id() -> EventId {
    static PROCESS: OnceLock<([u8; 5], AtomicU32)> = OnceLock::new();
    let (process, counter) = PROCESS.get_or_init(|| {
        let random = getrandom::u64().expect("the operating system has random numbers").to_be_bytes();
        let counter = u32::from_be_bytes([0, random[5], random[6], random[7]]);
        ([random[0], random[1], random[2], random[3], random[4]], AtomicU32::new(counter))
    });
    let seconds = (now().millis() / 1000) as u32;
    let count = counter.fetch_add(1, Ordering::Relaxed);
    let mut id = [0; 12];
    id[..4].copy_from_slice(&seconds.to_be_bytes());
    id[4..9].copy_from_slice(process);
    id[9..].copy_from_slice(&count.to_be_bytes()[1..]);
    EventId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_start_with_the_time() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 10_000);
        let seconds = u32::from_be_bytes(new_id().0[..4].try_into().expect("four bytes"));
        assert!(i64::from(seconds).abs_diff(now().millis() / 1000) < 60);
    }
}
