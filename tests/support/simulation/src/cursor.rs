//! What is left of an answer, for getMore.

use std::collections::VecDeque;

use mongodb::bson::{RawArrayBuf, RawDocumentBuf};

use crate::change_stream::ChangeStream;
use crate::databases::Namespace;
use crate::documents::projection::Projection;
use crate::documents::{MAX_DOCUMENT, Stored};
use crate::failure::Failure;

/// A cursor that is open.
#[derive(Clone)]
pub(crate) enum Cursor {
    Rest(Rest),
    Stream(ChangeStream),
}

/// Documents that were found and are not sent yet, as they were when they were found.
#[derive(Clone)]
pub(crate) struct Rest {
    pub(crate) namespace: Namespace,
    pub(crate) documents: VecDeque<Stored>,
    pub(crate) projection: Option<Projection>,
}

impl Rest {
    /// The next documents: at most so many, and no more than fit into a reply.
    pub(crate) fn batch(&mut self, size: usize) -> Result<RawArrayBuf, Failure> {
        let mut batch = RawArrayBuf::new();
        let (mut count, mut bytes) = (0, 0);
        while let Some(document) = self.documents.front().filter(|_| count < size) {
            let shown: Option<RawDocumentBuf> =
                self.projection.as_ref().map(|projection| projection.apply(&document.raw)).transpose()?;
            let shown = shown.as_ref().unwrap_or(&document.raw);
            bytes += shown.as_bytes().len();
            if bytes > MAX_DOCUMENT && count > 0 {
                break;
            }
            batch.push(shown);
            count += 1;
            self.documents.pop_front();
        }
        Ok(batch)
    }
}
