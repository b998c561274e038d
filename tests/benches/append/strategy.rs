//! The ways to append, each as one writer does it.

use anyhow::{Context, Result};
use eventlog_ledger::{Draft, Event, EventStore, NewEvent, Tip, new_id, now};
use eventlog_store_mongodb::{Database, Events};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{DateTime, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::{ClientOptions, IndexOptions, ReadConcern, WriteConcern};
use mongodb::{Client, Collection, IndexModel};
use serde::{Deserialize, Serialize};

/// A way to append.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Read the last event, link to it, insert: nothing stands in the way of a fork.
    ReadThenInsert,
    /// The same with a unique `seq`: who was too late reads the head and tries again. Remembers its own head.
    CompareAndSwap,
    /// Ours.
    GroupCommit,
    /// No chain at all: what the server can do at best.
    BareInsert,
}

impl Strategy {
    pub(crate) const ALL: [Self; 4] =
        [Self::ReadThenInsert, Self::CompareAndSwap, Self::GroupCommit, Self::BareInsert];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReadThenInsert => "read-then-insert",
            Self::CompareAndSwap => "compare-and-swap",
            Self::GroupCommit => "group commit",
            Self::BareInsert => "bare insert",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name).context("no such strategy")
    }
}

/// One writer's way to the log.
pub(crate) enum Log {
    ReadThenInsert(Collection<Record>),
    CompareAndSwap(Collection<Record>, Option<Place>),
    GroupCommit(Events),
    BareInsert(Collection<Record>),
}

/// An event as the other ways store it: the same members, the same size.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    #[serde(rename = "_id")]
    id: ObjectId,
    seq: i64,
    event_type: String,
    source_app_id: String,
    data_payload: String,
    timestamp: DateTime,
    previous_hash: String,
    current_hash: String,
}

/// Where the log ends.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    seq: i64,
    tip: Tip,
}

/// The collection of the other ways, with the concerns that ours has too.
pub(crate) async fn records(uri: &str, database: &str) -> Result<Collection<Record>> {
    let mut options = ClientOptions::parse(uri).await?;
    options.read_concern = Some(ReadConcern::majority());
    options.write_concern = Some(WriteConcern::majority());
    Ok(Client::with_options(options)?.database(database).collection("events"))
}

impl Log {
    pub(crate) async fn open(strategy: Strategy, uri: &str, database: &str) -> Result<Self> {
        let index = |is_unique| {
            let options = IndexOptions::builder().unique(is_unique).build();
            IndexModel::builder().keys(doc! { "seq": 1 }).options(options).build()
        };
        let records = records(uri, database).await?;
        Ok(match strategy {
            Strategy::ReadThenInsert => {
                records.create_index(index(false)).await?;
                Self::ReadThenInsert(records)
            }
            Strategy::CompareAndSwap => {
                records.create_index(index(true)).await?;
                Self::CompareAndSwap(records, None)
            }
            Strategy::GroupCommit => {
                let (server, options) = uri.split_once("/?").context("a connection string")?;
                Self::GroupCommit(Events::new(
                    &Database::open(&format!("{server}/{database}?{options}")).await?,
                ))
            }
            Strategy::BareInsert => Self::BareInsert(records),
        })
    }

    pub(crate) async fn append(&mut self) -> Result<()> {
        let draft = draft()?;
        match self {
            Self::ReadThenInsert(records) => {
                let last = end(records).await?;
                records.insert_one(Record::link(draft, last)).await?;
            }
            Self::CompareAndSwap(records, remembered) => loop {
                let last = match remembered.take() {
                    Some(place) => Some(place),
                    None => end(records).await?,
                };
                let record = Record::link(draft.clone(), last);
                let place = record.place()?;
                match records.insert_one(record).await {
                    Ok(_) => {
                        *remembered = Some(place);
                        break;
                    }
                    Err(error) if is_duplicate_key(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            },
            Self::GroupCommit(events) => {
                events.append(vec![draft]).await?;
            }
            Self::BareInsert(records) => {
                records.insert_one(Record::link(draft, None)).await?;
            }
        }
        Ok(())
    }
}

fn draft() -> Result<Draft> {
    const EVENT: &str = r#"{"eventType":"OrderPlaced","sourceAppId":"shop","dataPayload":
        {"orderId":"o-82731","customer":"c-1182","total":129.5,"currency":"EUR","items":[1,2,3]}}"#;
    Ok(NewEvent::parse(EVENT)?.into_draft(new_id()))
}

async fn end(records: &Collection<Record>) -> Result<Option<Place>> {
    let last = records.find_one(doc! {}).sort(doc! { "seq": -1 }).await?;
    last.map(|record| record.place()).transpose()
}

impl Record {
    fn link(draft: Draft, last: Option<Place>) -> Self {
        let event: Event = draft.link(last.map(|place| place.tip), now());
        Self {
            id: ObjectId::from_bytes(event.id.0),
            seq: last.map_or(0, |place| place.seq + 1),
            event_type: event.event_type,
            source_app_id: event.source_app_id,
            data_payload: event.data_payload,
            timestamp: DateTime::from_millis(event.timestamp.millis()),
            previous_hash: event.previous_hash.map(|hash| hash.to_string()).unwrap_or_default(),
            current_hash: event.current_hash.to_string(),
        }
    }

    fn place(&self) -> Result<Place> {
        let timestamp = eventlog_ledger::Timestamp::from_millis(self.timestamp.timestamp_millis());
        let tip = Tip { hash: self.current_hash.parse()?, timestamp: timestamp? };
        Ok(Place { seq: self.seq, tip })
    }
}

fn is_duplicate_key(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == 11000)
}
