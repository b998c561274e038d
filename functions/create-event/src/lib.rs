//! `POST /events`.

use eventlog_edge::{
    MissingVar, Problem, Response, answer, idempotency_key, new_events, no_parameters, required,
};
use eventlog_ledger::{EventStore, NewEvents, Submission};
use lambda_http::Request;

/// What the function is told by its environment.
#[derive(Debug)]
pub struct Config {
    /// `MONGODB_URI`.
    pub mongodb_uri: String,
}

impl Config {
    /// Reads the variables.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, MissingVar> {
        Ok(Self { mongodb_uri: required(lookup, "MONGODB_URI")? })
    }
}

/// Whoever asks, as long as there is no authentication.
const PRINCIPAL: &str = "";

/// Logs the event, or the events, in the request's body.
pub async fn handle(log: &impl EventStore, request: Request) -> Response {
    answer::or_problem(create(log, &request).await)
}

async fn create(log: &impl EventStore, request: &Request) -> Result<Response, Problem> {
    no_parameters(request)?;
    let key = idempotency_key(request)?;
    let submission = |events| match &key {
        Some(_) => Submission::once(events),
        None => Submission::once(events),
    };
    match new_events(request)? {
        NewEvents::One(event) => {
            let events = log.append(submission(vec![event])).await?;
            events.first().map(answer::logged).ok_or_else(Problem::internal)
        }
        NewEvents::Many(events) => Ok({ let mut all = log.append(submission(events)).await?; all.reverse(); answer::logged_all(&all) }),
    }
}
