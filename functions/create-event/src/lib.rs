//! `POST /events`.

use eventlog_edge::{Problem, Response, answer, idempotency_key, new_events, no_parameters};
use eventlog_ledger::{EventStore, NewEvents, Submission};
use lambda_http::Request;

/// Whoever asks, as long as there is no authentication.
const PRINCIPAL: &str = "";

/// Logs the event, or the events, in the request's body.
pub async fn handle(log: &impl EventStore, request: Request) -> Response {
    answer::or_problem(create(log, &request).await)
}

async fn create(log: &impl EventStore, request: &Request) -> Result<Response, Problem> {
    no_parameters(request)?;
    let key = idempotency_key(request)?;
    let events = new_events(request)?;
    let is_one = matches!(events, NewEvents::One(_));
    let submission = match &key {
        Some(key) => Submission::keyed(PRINCIPAL, key, events),
        None => Submission::once(events),
    };
    let logged = log.append(submission).await?;
    if is_one {
        logged.first().map(answer::logged).ok_or_else(Problem::internal)
    } else {
        Ok(answer::logged_all(&logged))
    }
}
