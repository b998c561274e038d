//! Drafts for tests.

use eventlog_ledger::{Draft, NewEvent, new_id};

/// Returns a draft with a new `_id`.
pub fn draft(event_type: &str, payload: &str) -> Draft {
    let text = format!(r#"{{"eventType":{event_type:?},"sourceAppId":"test","dataPayload":{payload}}}"#);
    NewEvent::parse(&text).expect(&text).into_draft(new_id())
}
