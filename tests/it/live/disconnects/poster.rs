//! Logs what is to be logged, whoever is killed.

use std::sync::Arc;

use eventlog_testing::{Random, within};
use tokio::sync::watch;

use super::pace::Pace;
use crate::client::Client;
use crate::live::wish::{SOURCES, TYPES, event};

/// Posts single events and arrays until there are no more to post. Each has a key, and is repeated until it is
/// acknowledged: it is logged once.
pub(super) async fn post(poster: usize, pace: Arc<Pace>, mut at: watch::Receiver<u16>, mut random: Random) {
    let mut client = connect(&mut at).await;
    while let Some((first, count)) = pace.take(1 + random.below(10)).await {
        let events: Vec<_> = (first..first + count).map(|n| new_event(n, &mut random)).collect();
        let body = match &events[..] {
            [one] => one.clone(),
            many => format!("[{}]", many.join(",")),
        };
        let key = format!("{poster}-{first}");
        loop {
            match client.try_keyed(&key, &body).await {
                Some(answer) => {
                    assert_eq!(answer.status, 201, "{}", answer.body);
                    break;
                }
                None => client = connect(&mut at).await,
            }
        }
        pace.log(count);
    }
}

/// To the server that is there, or to the next one.
async fn connect(at: &mut watch::Receiver<u16>) -> Client {
    loop {
        let port = *at.borrow_and_update();
        if let Some(client) = Client::try_connect(port).await {
            return client;
        }
        within("another server", at.changed()).await.expect("never closed");
    }
}

/// Of all types and sources, and now and then a large one.
fn new_event(n: u64, random: &mut Random) -> String {
    let length = if random.below(50) == 0 { 20_000 } else { random.below(200) };
    let payload = format!(r#"{{"n":{n},"text":"{}"}}"#, "x".repeat(length as usize));
    event(random.pick(&TYPES), random.pick(&SOURCES), &payload)
}
