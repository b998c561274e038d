//! Rings when the log has grown, whoever appended.

use std::time::Duration;

use eventlog_ledger::broadcast::{Alarm, Every};
use futures_util::{FutureExt, StreamExt};
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;

use crate::documents::Documents;

/// How often to ring where the server has no change streams (a standalone one), or the stream broke.
const POLL: Duration = Duration::from_millis(250);

/// A change stream on the log, used as an alarm clock: what it carries is not looked at, so there is no
/// resume token to lose.
pub struct LogAlarm {
    stream: Option<ChangeStream<Document>>,
    poll: Every,
}

impl LogAlarm {
    pub(crate) async fn new(documents: &Documents) -> Self {
        let pipeline = [doc! { "$match": { "operationType": "insert" } }, doc! { "$project": { "_id": 1 } }];
        let stream = documents.clone_with_type::<Document>().watch().pipeline(pipeline).await;
        let stream = stream.map(|stream| stream.with_type::<Document>());
        if let Err(error) = &stream {
            tracing::info!(%error, "no change stream, polling");
        }
        Self { stream: stream.ok(), poll: Every::new(POLL) }
    }
}

impl Alarm for LogAlarm {
    async fn ring(&mut self) {
        if let Some(stream) = &mut self.stream {
            if let Some(Ok(_)) = stream.next().await {
                // One ring is enough for all that is there already.
                while let Some(Some(Ok(_))) = stream.next().now_or_never() {}
                return;
            }
            tracing::warn!("the change stream broke, polling");
            self.stream = None;
        }
        self.poll.ring().await;
    }
}
