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

fn encode<'a>(bytes: &[u8], text: &'a mut [u8]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(text).unwrap_or_default()
}

/// Upper-case digits are refused: one value has one text, or two texts would hash differently.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

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
