//! Cursors, which `getMore` reads.

use std::collections::VecDeque;

use mongodb::bson::RawArrayBuf;

use crate::change_stream::ChangeStream;
use crate::documents::projection::Projection;
use crate::documents::stored::{MAX_DOCUMENT, Stored};
use crate::failure::Failure;
use crate::storage::namespace::Namespace;

/// An open cursor.
#[derive(Clone)]
pub(crate) enum Cursor {
    Documents(FoundDocuments),
    ChangeStream(ChangeStream),
}

/// The documents of a query that were not sent yet, as they were when the query ran.
#[derive(Clone)]
pub(crate) struct FoundDocuments {
    pub(crate) namespace: Namespace,
    pub(crate) documents: VecDeque<Stored>,
    pub(crate) projection: Option<Projection>,
}

impl FoundDocuments {
    /// Takes the next documents: at most `size`, and no more than fit into a reply.
    pub(crate) fn take_batch(&mut self, size: usize) -> Result<RawArrayBuf, Failure> {
        let mut batch = RawArrayBuf::new();
        let (mut count, mut bytes) = (0, 0);
        while let Some(document) = self.documents.front().filter(|_| count < size) {
            let projected = Projection::apply_if_some(self.projection.as_ref(), &document.raw)?;
            bytes += projected.as_bytes().len();
            if bytes > MAX_DOCUMENT && count > 0 {
                break;
            }
            batch.push(&*projected);
            count += 1;
            self.documents.pop_front();
        }
        Ok(batch)
    }
}
