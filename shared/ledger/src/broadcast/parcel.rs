//! What is sent in one message.

use bytes::Bytes;

use crate::{MAX_EVENT_BYTES, Seq};

/// The first of these events, or an array of as many as fit, and how many they are.
pub(super) fn pack(messages: &[(Seq, Bytes)], batch: bool, most: usize) -> (Bytes, usize) {
    if !batch {
        return (messages.first().map(|(_, json)| json.clone()).unwrap_or_default(), 1);
    }
    let mut array = vec![b'['];
    let mut events = 0;
    for (_, json) in messages.iter().take(most) {
        // With a comma before it and a bracket behind it.
        if events > 0 && array.len() + json.len() + 2 > MAX_EVENT_BYTES {
            break;
        }
        if events > 0 {
            array.push(b',');
        }
        array.extend_from_slice(json);
        events += 1;
    }
    array.push(b']');
    (array.into(), events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(sizes: &[usize]) -> Vec<(Seq, Bytes)> {
        (0..).zip(sizes.iter().map(|size| Bytes::from(vec![b'x'; *size]))).collect()
    }

    #[test]
    fn an_array_has_as_much_as_fits() {
        for (sizes, most, events, length) in [
            (&[10, 20, 30][..], usize::MAX, 3, 64),
            (&[10, 20, 30], 2, 2, 33),
            (&[10], 1, 1, 12),
            // The longest event, alone, is longer by its brackets.
            (&[MAX_EVENT_BYTES, 1], usize::MAX, 1, MAX_EVENT_BYTES + 2),
            (&[1, MAX_EVENT_BYTES - 4, 1], usize::MAX, 2, MAX_EVENT_BYTES),
            (&[1, MAX_EVENT_BYTES - 3, 1], usize::MAX, 1, 3),
        ] {
            let (array, taken) = pack(&messages(sizes), true, most);
            assert_eq!((taken, array.len()), (events, length), "{sizes:?}");
        }
        let (array, _) = pack(&messages(&[1, 2]), true, 9);
        assert_eq!(array, "[x,xx]");
        assert_eq!(pack(&messages(&[3, 4]), false, 9), ("xxx".into(), 1));
    }
}
