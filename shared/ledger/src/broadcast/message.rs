//! What is sent in one message.

use bytes::Bytes;

use crate::{MAX_EVENT_BYTES, Seq};

/// An event, or an array of some. Many wait to be sent: their events are those of the window, and only who sends one
/// puts it together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    events: Vec<Bytes>,
    is_array: bool,
}

impl Message {
    /// The first of these events, or as many as fit into an array.
    pub(super) fn pack(messages: &[(Seq, Bytes)], is_array: bool, most: usize) -> Self {
        let most = if is_array { most } else { 1 };
        // Behind each there is a comma or a bracket.
        let mut length = 1;
        let fits = |(nth, (_, json)): &(usize, &(Seq, Bytes))| {
            length += json.len() + 1;
            *nth == 0 || length <= MAX_EVENT_BYTES
        };
        let fitting = messages.iter().take(most).enumerate().take_while(fits);
        Self { events: fitting.map(|(_, (_, json))| json.clone()).collect(), is_array }
    }

    /// One event, by its JSON.
    pub fn event(json: impl Into<Bytes>) -> Self {
        Self { events: vec![json.into()], is_array: false }
    }

    /// How many events.
    pub(super) fn events(&self) -> usize {
        self.events.len()
    }

    /// The JSON text that the client gets. An array is made anew at each call.
    pub fn json(&self) -> Bytes {
        match &self.events[..] {
            [event] if !self.is_array => event.clone(),
            events => [&b"["[..], &events.join(&b","[..]), b"]"].concat().into(),
        }
    }

    /// How many bytes that has.
    pub fn json_len(&self) -> usize {
        let events: usize = self.events.iter().map(|event| event.len() + 1).sum();
        if self.is_array { events + 1 } else { events - 1 }
    }
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
            let array = Message::pack(&messages(sizes), true, most);
            assert_eq!((array.events(), array.json().len()), (events, length), "{sizes:?}");
            assert_eq!(array.json_len(), length, "{sizes:?}");
        }
        assert_eq!(Message::pack(&messages(&[1, 2]), true, 9).json(), "[x,xx]");
        let event = Message::pack(&messages(&[3, 4]), false, 9);
        assert_eq!((event.json(), event.json_len(), event.events()), ("xxx".into(), 3, 1));
    }
}
