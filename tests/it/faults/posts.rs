//! What was posted, what was answered, and whether the log agrees.

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use eventlog_chain::Event;
use eventlog_testing::{InvokeError, Lambda};

use super::tally::Tally;
use crate::functions::deployment::{invoke, logged, post_request};

const SIGKILL: i32 = 9;

/// All posts of a round.
pub(super) struct Posts {
    /// For each payload, of which no two are the same, the event as it was acknowledged; `None` where nothing is
    /// known.
    answers: Mutex<HashMap<String, Option<String>>>,
    crashed: Mutex<u64>,
    /// The faults have not begun, or are over.
    pub(super) is_calm: AtomicBool,
}

impl Default for Posts {
    fn default() -> Self {
        Self { answers: Mutex::default(), crashed: Mutex::default(), is_calm: AtomicBool::new(true) }
    }
}

impl Posts {
    fn answers(&self) -> MutexGuard<'_, HashMap<String, Option<String>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Posts one event after the other, never one twice, until one that was posted in the calm is acknowledged.
    pub(super) async fn write(&self, create: &Lambda, writer: u64) {
        for n in 0.. {
            let was_calm = self.is_calm.load(Ordering::Acquire);
            let payload = format!(r#"{{"writer":{writer},"n":{n}}}"#);
            self.answers().insert(payload.clone(), None);
            if let Some(event) = self.post(create, &payload).await {
                self.answers().insert(payload, Some(event));
                if was_calm {
                    return;
                }
            }
        }
    }

    /// The event as it was acknowledged; `None` if the answer was that nothing is known, or there was none.
    async fn post(&self, create: &Lambda, payload: &str) -> Option<String> {
        match invoke(create, &post_request("faults", payload)).await {
            Ok(answer) if answer.status == 201 => Some(logged(&answer).to_owned()),
            Ok(answer) => {
                assert_eq!(answer.status, 503, "{}", answer.body);
                assert!(answer.body.contains("urn:eventlog:problem:store-unavailable"), "{}", answer.body);
                None
            }
            Err(InvokeError::Crashed { status, log } | InvokeError::Init { status, log, .. }) => {
                assert_eq!(status.signal(), Some(SIGKILL), "it ended of itself: {log}");
                *self.crashed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// What was acknowledged stands in the log once, byte by byte as it was acknowledged; what was not may stand
    /// there, once; nothing else does.
    pub(super) fn check(self, log: &[Event], tally: &mut Tally) {
        let mut answers = self.answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.posts = answers.len() as u64;
        tally.crashed = self.crashed.into_inner().unwrap_or_else(PoisonError::into_inner);
        tally.acknowledged = answers.values().flatten().count() as u64;
        tally.found = log.len() as u64;
        for event in log {
            match answers.remove(&event.data_payload) {
                Some(Some(answered)) => assert_eq!(event.to_json(), answered, "it stands as it was answered"),
                Some(None) => tally.found_unacknowledged += 1,
                None => panic!("nobody posted this, or it stands here twice: {}", event.to_json()),
            }
        }
        let lost: Vec<_> = answers.into_values().flatten().collect();
        assert!(lost.is_empty(), "acknowledged and not in the log: {lost:#?}");
    }
}
