//! One open WebSocket.

use std::time::Duration;

use eventlog_chain::Event;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::position::Position;
use super::server::Socket;
use super::timing::Timing;
use super::{BROKEN, End};
use crate::printable::printable;

/// For saying goodbye to whoever may not listen.
const FAREWELL: Duration = Duration::from_secs(1);

/// Hands on what comes. Returns when the connection was closed on purpose, for the next to follow at once: it is old,
/// or nobody has the time for more events.
pub(super) async fn listen(
    mut socket: Socket,
    position: &mut Position,
    events: &mpsc::Sender<Event>,
    timing: &Timing,
) -> Result<(), End> {
    let mut age = std::pin::pin!(sleep(timing.life()));
    let mut quiet = std::pin::pin!(sleep(timing.idle));
    let mut was_pinged = false;
    let end = loop {
        let heard = tokio::select! {
            message = socket.next() => message,
            () = &mut age => break Ok(()),
            () = &mut quiet => {
                let ping = timeout(timing.pong, socket.send(Message::text(r#"{"action":"ping"}"#)));
                if was_pinged || !matches!(ping.await, Ok(Ok(()))) {
                    return Err(End::Again("the connection is dead: no answer to a ping".into()));
                }
                was_pinged = true;
                quiet.as_mut().reset(Instant::now() + timing.pong);
                continue;
            }
        };
        was_pinged = false;
        quiet.as_mut().reset(Instant::now() + timing.idle);
        let taken = match heard {
            Some(Ok(Message::Text(text))) => take(&text, position, events, timing.slow).await,
            Some(Ok(Message::Close(frame))) => Err(End::Again(closed(frame.as_ref()))),
            Some(Ok(_)) => Ok(Taken::All),
            Some(Err(error)) => Err(End::Again(lost(&error))),
            None => Err(End::Again("the connection was lost".into())),
        };
        match taken {
            Ok(Taken::All) => {}
            Ok(Taken::NoRoom) => break Ok(()),
            Err(end) => break Err(end),
        }
    };
    // One that does not take it is gone all the same.
    let _ = timeout(FAREWELL, socket.close(None)).await;
    end
}

enum Taken {
    All,
    /// The log will bring the rest.
    NoRoom,
}

/// Hands on the events of a message; waits so long for room, and meanwhile hears nothing.
async fn take(
    text: &str,
    position: &mut Position,
    events: &mpsc::Sender<Event>,
    patience: Duration,
) -> Result<Taken, End> {
    let not_json = |_| End::Again("a message was not JSON".into());
    let message: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    let parts: Vec<&RawValue> = match message.get().starts_with('[') {
        true => serde_json::from_str(text).map_err(not_json)?,
        false => vec![message],
    };
    for part in parts.into_iter().filter(|part| is_event(part)) {
        let Ok(room) = timeout(patience, events.reserve()).await else { return Ok(Taken::NoRoom) };
        let unreadable = |error| End::No(format!("{BROKEN}: {}", printable(&format!("{error}"))));
        let event = Event::from_json(part.get()).map_err(unreadable)?;
        let is_new = position.take(&event).map_err(|invalid| End::No(format!("{BROKEN} at {invalid}")))?;
        // If nobody takes events any more, all of this ends.
        if let (true, Ok(room)) = (is_new, room) {
            room.send(event);
        }
    }
    Ok(Taken::All)
}

/// Not events: `{"action":…}`, and API Gateway's own `{"message":"Internal server error",…}`.
fn is_event(part: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Identified {
        #[serde(rename = "_id")]
        _id: String,
    }
    serde_json::from_str::<Identified>(part.get()).is_ok()
}

fn closed(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(CloseFrame { code, reason }) if reason.is_empty() => format!("the connection closed ({code})"),
        Some(CloseFrame { code, reason }) => format!("the connection closed ({code}: {})", printable(reason)),
        None => "the connection closed".into(),
    }
}

fn lost(error: &Error) -> String {
    format!("the connection was lost: {error}")
}
