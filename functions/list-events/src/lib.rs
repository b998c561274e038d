//! Everything that is read: `GET /events`, `/events/{id}`, `/chain`, `/health`, and the answer to requests
//! that no route takes.

use eventlog_edge::answer::MAX_BYTES;
use eventlog_edge::{Paging, Problem, Response, answer, no_parameters, paging, routes};
use eventlog_ledger::{EventId, EventStore, MAX_EVENT_BYTES, Page};
use lambda_http::{Request, RequestExt};

/// Answers a request by its method and path.
pub async fn handle(log: &impl EventStore, request: Request) -> Response {
    answer::or_problem(read(log, &request).await)
}

async fn read(log: &impl EventStore, request: &Request) -> Result<Response, Problem> {
    let path = request.raw_http_path();
    let Some((route, id)) = routes::find(request.method().as_str(), path) else {
        return Err(match routes::allowed(path) {
            Some(methods) => Problem::method_not_allowed(methods),
            None => Problem::not_found("There is nothing at this path."),
        });
    };
    if route == routes::LIST {
        return list(log, paging(request)?).await;
    }
    no_parameters(request)?;
    match route {
        routes::EVENT => event(log, id.unwrap_or_default()).await,
        routes::CHAIN => Ok(answer::chain(log.head().await?.as_ref())),
        routes::HEALTH => log.head().await.map(|_| answer::healthy()).map_err(Problem::from),
        _ => Err(Problem::not_found("This function only reads.")),
    }
}

async fn event(log: &impl EventStore, id: &str) -> Result<Response, Problem> {
    let found = match id.parse::<EventId>() {
        Ok(id) => log.event(id).await?,
        Err(_) => None,
    };
    found.as_ref().map(answer::event).ok_or_else(|| Problem::not_found("There is no event with this _id."))
}

/// As the sequence has no gaps, a numbered page is a stretch of it: any page costs the same.
async fn list(log: &impl EventStore, Paging { page, limit }: Paging) -> Result<Response, Problem> {
    let from = (page - 1).saturating_mul(limit);
    let stretch = Page { from, limit: limit as usize, max_bytes: MAX_BYTES };
    let events = log.page(stretch).await?;
    if events.len() < stretch.limit && !events.is_empty() {
        // The end of the log, or of what an answer may hold? The next event tells, unless it came just now.
        let next = Page { from: from + events.len() as u64, limit: 1, ..stretch };
        let json_len = |event: &eventlog_ledger::Event| event.json_len() + 1;
        let with_next: usize = events.iter().chain(&log.page(next).await?).map(json_len).sum();
        if with_next + 1 > MAX_BYTES {
            return Err(Problem::page_too_large(MAX_BYTES / (MAX_EVENT_BYTES + 1)));
        }
    }
    Ok(answer::events(&events))
}
