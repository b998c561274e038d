//! `GET /events`: filters, numbered pages and cursors.
//!
//! Timestamps never decrease along the chain, so a time is a place, and what is asked for is always a stretch of the log
//! or of an index that ends with the place. `after` and `before` are places too. Only numbered pages of events of one
//! type or source pass over what stands before them; their `next` is a cursor.

use eventlog_edge::answer::{self, Links, MAX_BYTES};
use eventlog_edge::{Listing, Part, Problem, Response};
use eventlog_ledger::{Event, EventId, EventStore, Head, MAX_EVENT_BYTES, Order, Page, Query, Seq};

pub(crate) async fn answer(log: &impl EventStore, listing: &Listing) -> Result<Response, Problem> {
    // Neither needs the other, and each is a way to the store and back.
    let (stretch, cut) = tokio::try_join!(Stretch::of(log, listing), cut(log, listing.part))?;
    let (mut page, links) = match cut {
        Cut::Page(number) => numbered(log, listing, &stretch, number).await?,
        Cut::Behind(place) => {
            cursor(log, listing, &stretch, stretch.cut(place + 1, Seq::MAX), Order::Ascending).await?
        }
        Cut::Before(place) => {
            cursor(log, listing, &stretch, stretch.cut(0, place), Order::Descending).await?
        }
    };
    // What was logged since the places were looked up may be newer than `to`.
    page.events.retain(|event| listing.to.is_none_or(|to| event.timestamp < to));
    Ok(answer::events(&page.events, listing, &links))
}

/// The part that is asked for, its event found.
enum Cut {
    Page(u64),
    Behind(Seq),
    Before(Seq),
}

async fn cut(log: &impl EventStore, part: Part) -> Result<Cut, Problem> {
    let place = async |name: &str, id: EventId| -> Result<Seq, Problem> {
        log.place(id).await?.ok_or_else(|| Problem::unknown_cursor(name))
    };
    Ok(match part {
        Part::Page(number) => Cut::Page(number),
        Part::After(id) => Cut::Behind(place("after", id).await?),
        Part::Before(id) => Cut::Before(place("before", id).await?),
    })
}

/// The places within the times of the filter, and all that is logged later if `to` is still to come.
struct Stretch {
    from: Seq,
    to: Seq,
    /// Place behind the last event, within the same bounds.
    end: Seq,
}

impl Stretch {
    async fn of(log: &impl EventStore, listing: &Listing) -> Result<Self, Problem> {
        let end = Head::next_seq(log.head().await?.as_ref());
        let from = match listing.from {
            None => 0,
            // Nothing is so new: whatever is logged meanwhile may be older, too.
            Some(time) => log.place_in_time(time).await?.unwrap_or(Seq::MAX),
        };
        let to = match listing.to {
            None => None,
            Some(time) => log.place_in_time(time).await?,
        };
        let to = to.unwrap_or(Seq::MAX).max(from);
        Ok(Self { from, to, end: end.clamp(from, to) })
    }

    /// What of it lies in these bounds.
    fn cut(&self, from: Seq, to: Seq) -> std::ops::Range<Seq> {
        self.from.max(from)..self.to.min(to)
    }

    fn len(&self) -> u64 {
        self.end - self.from
    }
}

fn query(listing: &Listing, places: std::ops::Range<Seq>, order: Order) -> Query {
    Query {
        filter: listing.filter.clone(),
        places,
        is_known_to_end: false,
        order,
        skip: 0,
        limit: listing.limit as usize,
        max_bytes: MAX_BYTES,
    }
}

/// A page of a stretch is a stretch: any page costs the same.
async fn numbered(
    log: &impl EventStore,
    listing: &Listing,
    stretch: &Stretch,
    number: u64,
) -> Result<(Page, Links), Problem> {
    let skip = (number - 1).saturating_mul(listing.limit);
    let is_stretch = listing.is_stretch();
    let mut query = query(listing, stretch.cut(0, stretch.end), listing.order);
    match listing.order {
        _ if !is_stretch => query.skip = skip,
        Order::Ascending => query.places.start = stretch.from.saturating_add(skip),
        Order::Descending => query.places.end = stretch.end.saturating_sub(skip).max(stretch.from),
    }
    let page = log.page(query).await?;
    if page.has_more && (page.events.len() as u64) < listing.limit {
        return Err(Problem::page_too_large(MAX_BYTES / (MAX_EVENT_BYTES + 1)));
    }
    let next = match page.events.last() {
        Some(_) if page.has_more && is_stretch => Some(Part::Page(number + 1)),
        Some(last) if page.has_more => Some(onward(listing.order, last.id)),
        _ => None,
    };
    let last = is_stretch.then(|| stretch.len().div_ceil(listing.limit).max(1));
    let links = Links {
        // From beyond the end it leads back to where there is something.
        prev: Some((number - 1).min(last.unwrap_or(u64::MAX))).filter(|prev| *prev > 0).map(Part::Page),
        next,
        last,
        total: is_stretch.then(|| stretch.len()),
    };
    Ok((page, links))
}

/// The part that follows an event, in an order.
fn onward(order: Order, id: EventId) -> Part {
    match order {
        Order::Ascending => Part::After(id),
        Order::Descending => Part::Before(id),
    }
}

/// Read from the cursor away, given in the order of the list.
async fn cursor(
    log: &impl EventStore,
    listing: &Listing,
    stretch: &Stretch,
    places: std::ops::Range<Seq>,
    away: Order,
) -> Result<(Page, Links), Problem> {
    let mut page = log.page(query(listing, places, away)).await?;
    if away != listing.order {
        page.events.reverse();
    }
    let ends = |event: Option<&Event>| event.map(|event| event.id);
    let (first, last) = (ends(page.events.first()), ends(page.events.last()));
    let mut links = Links {
        prev: first.map(|id| onward(opposite(listing.order), id)),
        next: last.map(|id| onward(listing.order, id)),
        last: None,
        total: listing.is_stretch().then(|| stretch.len()),
    };
    // Towards the cursor there is more, at least the cursor itself; away from it only if there is.
    match page.has_more {
        true => {}
        false if away == listing.order => links.next = None,
        false => links.prev = None,
    }
    Ok((page, links))
}

fn opposite(order: Order) -> Order {
    match order {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    }
}
