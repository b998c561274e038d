//! Whether the log is what it should be.

use std::collections::HashSet;

use anyhow::{Result, ensure};
use eventlog_store_mongodb::{Database, Events};
use eventlog_testing::check_log;
use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};

use super::strategy::{Strategy, records};

/// Fails unless all that was acknowledged is there, and in the chain if there is one. Answers how many events share
/// their place with another.
pub(crate) async fn audit(
    strategy: Strategy,
    uri: &str,
    database: &str,
    acknowledged: usize,
) -> Result<usize> {
    let records = records(uri, database).await?;
    if strategy == Strategy::GroupCommit {
        let (server, options) = uri.split_once("/?").unwrap_or((uri, ""));
        let log = Database::open(&format!("{server}/{database}?{options}")).await?;
        check_log(&Events::new(&log)).await;
    }
    let places = records.clone_with_type::<Document>();
    let places: Vec<_> = places.find(doc! {}).projection(doc! { "seq": 1 }).await?.try_collect().await?;
    let stored = places.len();
    ensure!(stored == acknowledged, "{acknowledged} events acknowledged, {stored} stored");
    let taken: HashSet<_> = places.iter().filter_map(|place| place.get_i64("seq").ok()).collect();
    Ok(stored - taken.len())
}
