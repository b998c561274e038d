//! Every query on `events`, and the indexes it goes by.

use eventlog_ledger::{Order, Query, Seq, Timestamp};
use mongodb::IndexModel;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::IndexOptions;

/// A filter and a sort.
pub(crate) type Find = (Document, Document);

/// I2; made before the first append.
pub(crate) fn unique_places() -> IndexModel {
    let options = IndexOptions::builder().unique(true).build();
    IndexModel::builder().keys(doc! { "seq": 1 }).options(options).build()
}

/// One for each filter, which ends with `seq`: whatever is asked for is one stretch of one of them. Made before the first
/// query that goes by one of them: nobody else should wait for that.
pub(crate) fn filters() -> [IndexModel; 4] {
    let index = |keys| IndexModel::builder().keys(keys).build();
    [
        index(doc! { "eventType": 1, "seq": 1 }),
        index(doc! { "sourceAppId": 1, "seq": 1 }),
        index(doc! { "eventType": 1, "sourceAppId": 1, "seq": 1 }),
        index(doc! { "timestamp": 1, "seq": 1 }),
    ]
}

pub(crate) fn page(query: &Query) -> Find {
    let mut filter = Document::new();
    if let Some(event_type) = &query.filter.event_type {
        filter.insert("eventType", event_type);
    }
    if let Some(source_app_id) = &query.filter.source_app_id {
        filter.insert("sourceAppId", source_app_id);
    }
    let stretch = |from, to| doc! { "$gte": bound(from), "$lt": bound(to) };
    filter.insert("seq", stretch(query.places.start, query.places.end));
    if query.is_known_to_end && !query.filter.is_empty() && query.order == Order::Ascending {
        // One command sees one state of the log.
        let last = doc! { "seq": stretch(query.places.end.saturating_sub(1), query.places.end) };
        filter = doc! { "$or": [filter, last] };
    }
    let direction = match query.order {
        Order::Ascending => 1,
        Order::Descending => -1,
    };
    (filter, doc! { "seq": direction })
}

/// The first event that is not older.
pub(crate) fn in_time(time: Timestamp) -> Find {
    let time = DateTime::from_millis(time.millis());
    (doc! { "timestamp": { "$gte": time } }, doc! { "timestamp": 1, "seq": 1 })
}

fn bound(place: Seq) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use eventlog_ledger::Filter;
    use mongodb::bson::Bson;

    use super::*;

    /// The fields with one value, in any order, then those of the sort in its order, are a prefix of an index, and what
    /// is bounded is the first field of the sort: so nothing is read that is not asked for, and nothing is sorted.
    fn goes_by_an_index((filter, sort): &Find) -> bool {
        let is_bounded = |value: &Bson| value.as_document().is_some();
        let fixed: Vec<_> =
            filter.iter().filter(|(_, value)| !is_bounded(value)).map(|(name, _)| name).collect();
        let bounded: Vec<_> =
            filter.iter().filter(|(_, value)| is_bounded(value)).map(|(name, _)| name).collect();
        let sorted: Vec<_> = sort.keys().collect();
        let one_way = sort.values().all(|way| Some(way) == sort.values().next());
        let matches = |index: &IndexModel| {
            let fields: Vec<_> = index.keys.keys().collect();
            fields.len() >= fixed.len()
                && fields[..fixed.len()].iter().all(|field| fixed.contains(field))
                && fields[fixed.len()..].starts_with(&sorted)
        };
        one_way
            && bounded.iter().all(|name| sorted.first() == Some(name))
            && filters().iter().chain([&unique_places()]).any(matches)
    }

    #[test]
    fn every_query_is_a_stretch_of_an_index() {
        let texts = [None, Some("x".to_owned())];
        for (event_type, source_app_id) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            for order in [Order::Ascending, Order::Descending] {
                let filter = Filter { event_type: event_type.clone(), source_app_id: source_app_id.clone() };
                let query = Query { filter, order, ..Query::from_place(3, 10, 1000) };
                assert!(goes_by_an_index(&page(&query)), "{query:?}");
                // Two stretches, merged as they are sorted alike.
                let (filter, sort) = page(&Query { places: 3..9, is_known_to_end: true, ..query });
                let both = filter.get_array("$or").cloned().unwrap_or_else(|_| vec![filter.into()]);
                for one in both {
                    let one = one.as_document().expect("a filter").clone();
                    assert!(goes_by_an_index(&(one, sort.clone())));
                }
            }
        }
        assert!(goes_by_an_index(&in_time(eventlog_ledger::now())));
        // By the index that every collection has on `_id`, and the head:
        assert!(goes_by_an_index(&(doc! {}, doc! { "seq": -1 })));
        let without = (doc! { "currentHash": "x" }, doc! { "seq": 1 });
        assert!(!goes_by_an_index(&without), "the test can tell");
    }
}
