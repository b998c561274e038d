//! What `GET /events` and `GET /chain/verify` are asked for.

use eventlog_ledger::{EventId, Filter, Order, Timestamp};
use lambda_http::Request;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Problem;
use crate::query::{filter, id, number, query_parameters};

/// A list of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Which events.
    pub filter: Filter,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub to: Option<Timestamp>,
    /// In which order they are given.
    pub order: Order,
    /// Which part of them.
    pub part: Part,
    /// 1 to 1000.
    pub limit: u64,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A numbered page, from 1.
    Page(u64),
    /// Those that are nearest after this event.
    After(EventId),
    /// Those that are nearest before it.
    Before(EventId),
}

/// A window of the chain that is to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// It begins behind this event, else with the first.
    pub after: Option<EventId>,
    /// 1 to 10,000.
    pub limit: u64,
}

const MAX_LIMIT: u64 = 1000;
const DEFAULT_LIMIT: u64 = 100;
const MAX_WINDOW: u64 = 10_000;
const DEFAULT_WINDOW: u64 = 1000;

/// Reads the parameters of `GET /events`.
pub fn listing(request: &Request) -> Result<Listing, Problem> {
    let names = ["page", "limit", "order", "eventType", "sourceAppId", "from", "to", "after", "before"];
    let [page, limit, order, event_type, source_app_id, from, to, after, before] =
        query_parameters(request, names)?;
    let part = match (page, after, before) {
        (page, None, None) => Part::Page(number("page", page, 1, u64::MAX)?),
        (None, Some(after), None) => Part::After(id("after", &after)?),
        (None, None, Some(before)) => Part::Before(id("before", &before)?),
        _ => return Err(Problem::invalid_query("Of page, after and before there can be one.")),
    };
    let order = match order.as_deref() {
        None | Some("asc") => Order::Ascending,
        Some("desc") => Order::Descending,
        Some(_) => return Err(Problem::invalid_query("The parameter \"order\" must be asc or desc.")),
    };
    Ok(Listing {
        filter: filter(event_type, source_app_id)?,
        from: from.map(|value| self::from(&value)).transpose()?,
        to: to.map(|value| self::to(&value)).transpose()?.flatten(),
        order,
        part,
        limit: number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)?,
    })
}

/// Reads the parameters of `GET /chain/verify`.
pub fn window(request: &Request) -> Result<Window, Problem> {
    let [after, limit] = query_parameters(request, ["after", "limit"])?;
    Ok(Window {
        after: after.map(|value| id("after", &value)).transpose()?,
        limit: number("limit", limit, DEFAULT_WINDOW, MAX_WINDOW)?,
    })
}

/// Milliseconds since 1970, rounded up: an event, which has milliseconds, is not older than 0.0001 s if and only if it
/// is not older than 0.001 s.
fn millis(name: &str, value: &str) -> Result<i128, Problem> {
    // A + that was not encoded stands for a space in a query string.
    match OffsetDateTime::parse(&value.replace(' ', "+"), &Rfc3339) {
        Ok(at) => Ok(-(-at.unix_timestamp_nanos()).div_euclid(1_000_000)),
        Err(_) => Err(Problem::invalid_query(format!(
            "The parameter {name:?} must be a time of RFC 3339, say 2024-11-22T08:32:05Z."
        ))),
    }
}

/// A time before the first timestamp or after the last one stands for that one.
fn from(value: &str) -> Result<Timestamp, Problem> {
    millis("from", value).map(Timestamp::saturating_from_millis)
}

/// `None` for a time after the last timestamp: all events are older.
fn to(value: &str) -> Result<Option<Timestamp>, Problem> {
    let millis = millis("to", value)?;
    let time = Timestamp::saturating_from_millis(millis);
    Ok(Some(time).filter(|time| i128::from(time.millis()) >= millis))
}

impl Listing {
    /// Whether events are chosen by their place alone, so that those it chooses stand side by side.
    pub fn is_stretch(&self) -> bool {
        self.filter.is_empty()
    }
}

/// The query string of another part of the same list.
pub(crate) fn query_string(listing: &Listing, part: Part) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    match part {
        Part::Page(page) => query.append_pair("page", &page.to_string()),
        Part::After(id) => query.append_pair("after", &id.to_string()),
        Part::Before(id) => query.append_pair("before", &id.to_string()),
    };
    query.append_pair("limit", &listing.limit.to_string());
    if listing.order == Order::Descending {
        query.append_pair("order", "desc");
    }
    let Filter { event_type, source_app_id } = &listing.filter;
    let times = [("from", listing.from), ("to", listing.to)]
        .map(|(name, time)| (name, time.map(|time| time.to_string())));
    let texts = [("eventType", event_type.clone()), ("sourceAppId", source_app_id.clone())];
    for (name, value) in texts.into_iter().chain(times) {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str) -> Request {
        let request = lambda_http::http::Request::builder().uri(format!("http://localhost/events?{query}"));
        request.body(lambda_http::Body::Empty).expect("a request")
    }

    fn read(query: &str) -> Option<Listing> {
        listing(&request(query)).ok()
    }

    const FIRST: Listing = Listing {
        filter: Filter { event_type: None, source_app_id: None },
        from: None,
        to: None,
        order: Order::Ascending,
        part: Part::Page(1),
        limit: 100,
    };

    #[test]
    fn pages_have_defaults_and_bounds() {
        assert_eq!(read(""), Some(FIRST));
        assert_eq!(read("page=7&limit=1000"), Some(Listing { part: Part::Page(7), limit: 1000, ..FIRST }));
        assert_eq!(read("limit=1"), Some(Listing { limit: 1, ..FIRST }));
        for bad in [
            "page=0",
            "page=-1",
            "page=%2B1",
            "page=1.0",
            "page=",
            "page=a",
            "page=99999999999999999999999",
            "limit=0",
            "limit=1001",
            "page=1&page=1",
            "page=1&page=2",
            "Page=1",
            "x=1",
            "page",
            "order=up",
            "order=",
            "eventType=",
            "eventType=%FF",
            "eventType=%FF&sourceAppId=%EF%BF%BD",
            "sourceAppId=a&sourceAppId=a",
            "after=",
            "after=64fdc8e5a835b1c4d6c5693",
            "after=64FDC8E5A835B1C4D6C5693F",
            "page=1&after=64fdc8e5a835b1c4d6c5693f",
            "before=64fdc8e5a835b1c4d6c5693f&after=64fdc8e5a835b1c4d6c5693f",
            "from=yesterday",
            "from=2024-11-22",
            "to=2024-11-22T08:32:05",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        let time = |text: &str| Some(text.parse::<Timestamp>().expect(text));
        for (query, expected) in [
            ("from=2024-11-22T08:32:05.391Z", "2024-11-22T08:32:05.391Z"),
            ("from=2024-11-22T08:32:05Z", "2024-11-22T08:32:05.000Z"),
            ("from=2024-11-22T08:32:05.3910001Z", "2024-11-22T08:32:05.392Z"),
            ("from=2024-11-22T10:32:05%2B02:00", "2024-11-22T08:32:05.000Z"),
            ("from=2024-11-22T10:32:05+02:00", "2024-11-22T08:32:05.000Z"),
            ("from=0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"),
            ("from=0000-01-01T00:00:00%2B14:00", "0000-01-01T00:00:00.000Z"),
            ("from=9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999Z"),
            ("from=9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(read(query).expect(query).from, time(expected), "{query}");
        }
        for (query, expected) in [
            ("to=0000-01-01T00:00:00%2B14:00", time("0000-01-01T00:00:00.000Z")),
            ("to=9999-12-31T23:59:59.999Z", time("9999-12-31T23:59:59.999Z")),
            ("to=9999-12-31T23:59:59.9990001Z", None),
            ("to=9999-12-31T23:59:59.9999999Z", None),
            ("to=9999-12-31T23:59:59.999999-00:00", None),
            ("to=9999-12-31T23:59:59-00:01", None),
        ] {
            assert_eq!(read(query).expect(query).to, expected, "{query}");
        }
    }

    #[test]
    fn a_query_string_is_read_as_it_was_meant() {
        let filter =
            Filter { event_type: Some("a&b=c d+e\u{e4}%".into()), source_app_id: Some("\u{fffd}".into()) };
        let from = Some(eventlog_ledger::now());
        let id = "64fdc8e5a835b1c4d6c5693f".parse().expect("an id");
        for part in [Part::Page(3), Part::After(id), Part::Before(id)] {
            let listing =
                Listing { filter: filter.clone(), from, order: Order::Descending, part, limit: 7, ..FIRST };
            assert_eq!(read(&query_string(&listing, part)), Some(listing));
        }
    }
}
