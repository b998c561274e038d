//! `after` and filters: what was logged before comes first, then what is logged meanwhile, as if there had been no
//! border between.

use eventlog_chain::Event;
use eventlog_testing::trial;
use libtest_mimic::Trial;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;

use super::wish::{SOURCES, TYPES, Wish, event, log_all, mixed};
use crate::client::Socket;
use crate::system::{Backend, Data, System};

pub(super) fn trials(backend: Backend) -> Vec<Trial> {
    vec![
        trial(&backend.name("replay_goes_over_into_live_for_every_filter"), move || into_live(backend)),
        trial(&backend.name("a_socket_after_what_is_not_there_is_refused"), move || nothing_there(backend)),
    ]
}

/// A socket, and what is known of where it begins.
struct Reader {
    socket: Socket,
    wish: Wish,
    /// The least and the greatest place that its first event may have, were it to want all.
    begins: (usize, usize),
}

impl Reader {
    async fn open(system: &System, wish: Wish, after: Option<(usize, &Event)>) -> Self {
        let length = async || system.client().await.get("/chain").await.json()["length"].clone();
        let least = place(&length().await);
        let path = wish.path(after.map(|(_, event)| event));
        let socket = Socket::try_open(system.port, &path, &[]).await.expect(&path);
        let begins = match after {
            Some((place, _)) => (place + 1, place + 1),
            None => (least, place(&length().await)),
        };
        Self { socket, wish, begins }
    }

    /// Reads on until the end of the log, which must come.
    async fn check(mut self, log: &[Event]) {
        let (least, most) = self.begins;
        let wanted = self.wish.of(&log[least..]);
        let last = wanted.last().expect("everybody wants something");
        let mut received = Vec::new();
        while received.last() != Some(last) {
            let text = self.socket.text().await;
            received.extend(self.wish.events(&text));
        }
        let surely = self.wish.of(&log[most..]).len();
        let case = format!("{:?} from {least} to {most}", self.wish);
        assert!((surely..=wanted.len()).contains(&received.len()), "{case}: {}", received.len());
        assert!(wanted.ends_with(&received), "{case}: not the log");
    }
}

fn place(length: &Value) -> usize {
    length.as_u64().and_then(|length| length.try_into().ok()).expect("a length")
}

/// Sockets are opened while posters go on; the log is longer than what is kept in memory for all.
async fn into_live(backend: Backend) {
    const EARLIER: usize = 700;
    const EACH: usize = 60;
    let data = Data::fresh(backend);
    let system = data.serve().await;
    log_all(&mut system.client().await, &mixed(EARLIER)).await;
    let log = system.client().await.check_log().await;
    let mut posters = Vec::new();
    for poster in 0..4 {
        let mut client = system.client().await;
        posters.push(tokio::spawn(async move {
            for event in mixed(poster + EACH).split_off(poster) {
                assert_eq!(client.post(event).await.status, 201);
            }
        }));
    }
    let mut nobody = Socket::try_open(system.port, "/?eventType=Nobody", &[]).await.expect("a socket");
    let mut readers = Vec::new();
    for after in [None, Some(0), Some(EARLIER / 2), Some(EARLIER - 1)] {
        for wish in Wish::all() {
            readers.push(Reader::open(&system, wish, after.map(|place| (place, &log[place]))).await);
        }
    }
    for poster in posters {
        poster.await.expect("a poster");
    }
    let mut client = system.client().await;
    for event_type in TYPES {
        for source in SOURCES {
            assert_eq!(client.post(event(event_type, source, r#"{"last":true}"#)).await.status, 201);
        }
    }
    let log = client.check_log().await;
    assert_eq!(log.len(), EARLIER + 4 * EACH + TYPES.len() * SOURCES.len());
    for reader in readers {
        reader.check(&log).await;
    }
    let wanted = client.log("Nobody", "{}").await;
    assert_eq!(nobody.event().await, wanted, "and nothing before");
    let mut late = Socket::try_open(system.port, &Wish::PLAIN.path(log.last()), &[]).await.expect("a socket");
    assert_eq!(late.event().await, wanted);
}

async fn nothing_there(backend: Backend) {
    let data = Data::fresh(backend);
    let system = data.serve().await;
    let mut client = system.client().await;
    let logged = client.log("only one", "{}").await;
    for id in ["64fdc8e5a835b1c4d6c5693f", "ffffffffffffffffffffffff", "x", ""] {
        let refused = Socket::try_open(system.port, &format!("/?after={id}"), &[]).await.err();
        let Some(Error::Http(answer)) = refused else { panic!("{id:?}: {refused:?}") };
        assert_eq!(answer.status(), 400, "{id:?}");
    }
    let mut socket = Socket::try_open(system.port, &Wish::PLAIN.path(Some(&logged)), &[]).await.expect("one");
    let next = client.log("another", "{}").await;
    assert_eq!(socket.event().await, next);
}
