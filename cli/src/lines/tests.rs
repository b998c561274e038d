use eventlog_chain::{Draft, Payload, Timestamp};
use proptest::prelude::*;

use super::*;

const GOOD: &str = include_str!("../../../shared/chain/vectors/chain.ndjson");

fn verify(input: impl Read) -> (u64, Option<Tip>, Option<Fault>) {
    let mut export = Export::new(input);
    let mut fault = None;
    while fault.is_none()
        && let Some(block) = export.next(|_| Ok(())).expect("readable")
    {
        fault = block.fault;
    }
    (export.verifier.checked(), export.tip(), fault)
}

/// Gives one byte at a time, and then and again a signal comes between.
struct Dribble<'a>(&'a [u8], bool);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
    }
}

#[test]
fn it_does_not_matter_in_what_pieces_an_export_comes() {
    let good = verify(GOOD.as_bytes());
    assert_eq!((good.0, &good.2), (12, &None));
    assert_eq!(verify(Dribble(GOOD.as_bytes(), false)), good);
}

/// Wherever the blocks end, the line of a fault is its line in the input.
#[test]
fn lines_are_counted_through_all_blocks() {
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(100_000));
    let (mut text, mut tip) = (String::new(), None);
    for n in 0..50 {
        let draft = Draft {
            id: EventId([n; 12]),
            event_type: "long".into(),
            source_app_id: "test".into(),
            data_payload: Payload::parse(&payload, 64).expect("a payload"),
        };
        let event = draft.link(tip, Timestamp::from_millis(0).expect("a time"));
        tip = Some(Tip::from(&event));
        text += &event.to_json();
        text += "\n";
    }
    assert_eq!(verify(text.as_bytes()), (50, tip, None));
    let (checked, _, fault) = verify(format!("{text}what\n").as_bytes());
    assert_eq!((checked, fault.map(|fault| fault.line)), (50, Some(51)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// The hash covers all that an event says, and the form of a line what it does not.
    #[test]
    fn a_changed_byte_breaks_the_chain_or_changes_nothing(at in 0..GOOD.len(), change in 1..=255_u8) {
        let mut bytes = GOOD.as_bytes().to_vec();
        bytes[at] ^= change;
        let (checked, tip, fault) = verify(&*bytes);
        // Another text of the same value, `1e2` for `1E2`: the hash of the last event covers all before it.
        let is_the_same = (checked, tip) == (12, verify(GOOD.as_bytes()).1);
        prop_assert!(fault.is_some() || is_the_same, "{}", String::from_utf8_lossy(&bytes));
        // A changed line feed makes one line of two.
        let line = 1 + GOOD.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        let is_near = |fault: Fault| (line..=line + 1).contains(&fault.line) || line == 12;
        prop_assert!(fault.is_none_or(is_near));
    }
}
