//! `POST /events`.

use eventlog_edge::{Problem, Response, answer, new_event, no_parameters};
use eventlog_ledger::{EventStore, new_id};
use lambda_http::Request;

/// Logs the event in the request's body.
pub async fn handle(log: &impl EventStore, request: Request) -> Response {
    answer::or_problem(create(log, &request).await)
}

async fn create(log: &impl EventStore, request: &Request) -> Result<Response, Problem> {
    no_parameters(request)?;
    let draft = new_event(request)?.into_draft(new_id());
    let events = log.append(vec![draft]).await?;
    events.first().map(answer::logged).ok_or_else(Problem::internal)
}
