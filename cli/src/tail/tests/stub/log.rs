//! The log, and what is read of it over HTTP.

use bytes::Bytes;
use eventlog_chain::{Draft, Event, EventId, Payload, Timestamp, Tip};
use http_body_util::Full;
use hyper::Response;

use super::State;

/// Ids are in no order, as in a real log; three events share each timestamp.
pub(super) fn next(log: &[Event], event_type: &str) -> Event {
    let n = log.len() as u32;
    let mut id = EventId([7; 12]);
    id.0[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    let draft = Draft {
        id,
        event_type: event_type.into(),
        source_app_id: "App1".into(),
        data_payload: Payload::parse(&format!(r#"{{"n":{n}}}"#), 64).expect("a payload"),
    };
    let at = Timestamp::from_millis(1_704_067_200_000 + i64::from(n / 3)).expect("a time");
    draft.link(log.last().map(Tip::from), at)
}

/// What HTTP answers.
pub(super) fn read(state: &mut State, path: &str) -> Response<Full<Bytes>> {
    let State { log, refuse_http, electing, .. } = state;
    if let Some((status, body)) = refuse_http {
        return response(*status, body);
    }
    let id = |event: &Event| format!("\"{}\"", event.id);
    match path {
        "/chain" => {
            let head = log.last().map_or("null".into(), id);
            response(200, &format!(r#"{{"length":{},"headId":{head},"headHash":null}}"#, log.len()))
        }
        "/events?limit=1" => {
            response(200, &format!("[{}]", log.first().map(Event::to_json).unwrap_or_default()))
        }
        _ if *electing > 0 && path.starts_with("/events/") => {
            *electing -= 1;
            response(404, "{}")
        }
        _ => match log.iter().find(|event| path == format!("/events/{}", event.id)) {
            Some(event) => response(200, &event.to_json()),
            None => response(404, "{}"),
        },
    }
}

pub(super) fn response(status: u16, body: &str) -> Response<Full<Bytes>> {
    let body = Full::from(body.to_owned());
    Response::builder().status(status).body(body).expect("a response")
}
