//! Everything that is read: `GET /events`, `/events/{id}`, `/chain`, `/chain/verify`, `/health`, `/openapi.yaml`, and the
//! answer to requests that no route takes.

mod list;

use eventlog_edge::{BasePath, Problem, Response, Window, answer, listing, no_parameters, routes, window};
use eventlog_ledger::verify::{self, Verified};
use eventlog_ledger::{EventId, EventStore, StoreError};
use lambda_http::Request;
use lambda_http::http::Method;

/// Answers a request by its method and its path behind `base`.
pub async fn handle(log: &impl EventStore, base: &BasePath, request: Request) -> Response {
    let path = base.route_path(&request);
    if request.method() == Method::HEAD {
        return answer::or_problem(read(log, &Method::GET, path, &request).await).without_body();
    }
    answer::or_problem(read(log, request.method(), path, &request).await)
}

async fn read(
    log: &impl EventStore,
    method: &Method,
    path: &str,
    request: &Request,
) -> Result<Response, Problem> {
    let Some((route, id)) = routes::find(method.as_str(), path) else {
        return Err(match routes::allowed(path) {
            Some(methods) => Problem::method_not_allowed(methods),
            None => Problem::not_found("There is nothing at this path. GET /openapi.yaml lists the paths."),
        });
    };
    match route {
        routes::LIST => return list::answer(log, &listing(request)?).await,
        routes::VERIFY => return verified(log, window(request)?).await,
        _ => no_parameters(request)?,
    }
    match route {
        routes::EVENT => event(log, id.unwrap_or_default()).await,
        routes::CHAIN => Ok(answer::chain(log.head().await?.as_ref())),
        routes::HEALTH => log.head().await.map(|_| answer::healthy()).map_err(Problem::from),
        routes::SPECIFICATION => Ok(answer::specification()),
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

async fn verified(log: &impl EventStore, window: Window) -> Result<Response, Problem> {
    let start = match window.after {
        Some(id) => match verify::Start::after(log, id).await {
            Ok(start) => start.ok_or_else(|| Problem::unknown_cursor("after"))?,
            Err(StoreError::Corrupt { id, .. }) => return Ok(answer::verified(&Verified::unreadable(id))),
            Err(error) => return Err(error.into()),
        },
        None => verify::Start::default(),
    };
    Ok(answer::verified(&verify::verify(log, start, window.limit).await?))
}
