//! Fixed-size byte strings that are lower-case hex on every wire.

use std::fmt;
use std::str::FromStr;

/// The text is not lower-case hex of the right length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {expected} lower-case hex digits")]
pub struct NotHex {
    expected: usize,
}

/// An event's `_id`: a MongoDB ObjectId, 12 bytes, 24 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub [u8; 12]);

/// A SHA-1 digest: 20 bytes, 40 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 20]);

macro_rules! hex_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 2 * size_of::<$name>()];
                f.write_str(encode(&self.0, &mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                decode(text).map(Self).ok_or(NotHex { expected: 2 * size_of::<Self>() })
            }
        }
    };
}

hex_text!(EventId);
hex_text!(Hash);

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn encode<'a>(bytes: &[u8], text: &'a mut [u8]) -> &'a str {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(text).unwrap_or_default()
}

/// Upper-case digits are refused: one value has one text, or two texts would hash differently.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| VALUES[usize::from(digit)]);
        if high | low > 15 {
            return None;
        }
        *byte = high << 4 | low;
    }
    Some(bytes)
}

/// Of each byte as a digit; 255 is none. A processor cannot guess the branches that the digits of a hash would take:
/// they were a fifth of the time of verifying an export.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_both_ways() {
        let text = "64fdc8e5a835b1c4d6c5693f";
        assert_eq!(text.parse::<EventId>().expect("hex").to_string(), text);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "64fdc8e5a835b1c4d6c5693", "64FDC8E5A835B1C4D6C5693F", "64fdc8e5a835b1c4d6c5693g", "é"]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }
}
