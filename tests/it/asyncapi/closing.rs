//! Close codes.

use std::collections::BTreeSet;

use super::with_the_examples;
use crate::api::schema::yaml;
use crate::bad_input::sockets::{TEXT, close_code, frame, open};
use crate::client::Socket;

/// What cannot be had of a server that is well within a moment: 30 seconds of silence, a bug.
const NOT_HERE: [&str; 2] = ["1008", "1011"];

pub(super) async fn every_code() {
    let document = yaml(super::TEXT);
    let (_data, system) = with_the_examples(&document).await;
    let mut seen = BTreeSet::new();
    for said in [
        frame(0x88, &1000_u16.to_be_bytes()),
        vec![TEXT, 2, b'{', b'}'],
        frame(TEXT, b"\xff"),
        frame(TEXT, &[b'x'; 131_073]),
    ] {
        let mut raw = open(system.port).await;
        raw.say_all(&said).await;
        seen.insert(close_code(&mut raw).await.expect("a code").to_string());
    }
    let mut socket = Socket::open(system.port).await;
    assert_eq!(system.signal("INT").await.0, Some(0));
    seen.insert(socket.close_code().await.expect("a code").to_string());
    let documented = document["channels"]["log"]["x-close-codes"].as_object().expect("codes").keys();
    let documented: BTreeSet<_> =
        documented.filter(|code| !NOT_HERE.contains(&code.as_str())).cloned().collect();
    assert_eq!(seen, documented);
}
