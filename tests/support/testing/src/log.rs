//! Log lines of the code under test.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

/// Runs a future; returns its output and its log lines of level INFO and above, as the JSON that a deployed function
/// writes. Tasks that it spawns are not included.
pub async fn capture_log<T>(future: impl Future<Output = T>) -> (T, Vec<Value>) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let outcome = future.with_subscriber(subscriber).await;
    let lines = log.0.lock().expect("no panic");
    let lines = serde_json::Deserializer::from_slice(&lines).into_iter();
    (outcome, lines.map(|line| line.expect("a line of JSON")).collect())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
