//! Points in time as they stand in the log.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use time::{Date, Month, OffsetDateTime, Time};

/// The text, with a 0 for each digit.
const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z; its text is RFC 3339 in UTC with exactly
/// three decimals and `Z`. Years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text or number is not a timestamp of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 timestamp in UTC with three decimals")]
pub struct NotATimestamp;

impl Timestamp {
    const MIN: i64 = -62_167_219_200_000;
    const MAX: i64 = 253_402_300_799_999;

    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub fn from_millis(millis: i64) -> Result<Self, NotATimestamp> {
        if (Self::MIN..=Self::MAX).contains(&millis) { Ok(Self(millis)) } else { Err(NotATimestamp) }
    }

    /// Returns the timestamp nearest to these milliseconds since 1970-01-01T00:00:00Z: the first or the last one where
    /// they are out of range.
    pub fn saturating_from_millis(millis: i128) -> Self {
        // Both bounds fit.
        Self(millis.clamp(Self::MIN.into(), Self::MAX.into()) as i64)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .map_err(|_| fmt::Error)?;
        let (date, time) = (at.date(), at.time());
        let mut text = *FORM;
        for (field, value) in [
            (0..4, date.year().unsigned_abs()),
            (5..7, u32::from(u8::from(date.month()))),
            (8..10, u32::from(date.day())),
            (11..13, u32::from(time.hour())),
            (14..16, u32::from(time.minute())),
            (17..19, u32::from(time.second())),
            (20..23, u32::from(time.millisecond())),
        ] {
            let mut rest = value;
            for digit in text[field].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    /// Takes the one text that `Display` gives, so that reading and writing a log changes no byte.
    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let bytes: &[u8; 24] = text.as_bytes().try_into().map_err(|_| NotATimestamp)?;
        let is_form = bytes.iter().zip(FORM).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            _ => byte == form,
        });
        if !is_form {
            return Err(NotATimestamp);
        }
        let number =
            |field: Range<usize>| bytes[field].iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        // Two digits fit a byte.
        let two = |at| number(at..at + 2) as u8;
        let date = Month::try_from(two(5))
            .and_then(|month| Date::from_calendar_date(number(0..4) as i32, month, two(8)));
        let time = Time::from_hms_milli(two(11), two(14), two(17), number(20..23) as u16);
        let (Ok(date), Ok(time)) = (date, time) else { return Err(NotATimestamp) };
        let nanos = date.with_time(time).assume_utc().unix_timestamp_nanos();
        Self::from_millis(i64::try_from(nanos / 1_000_000).map_err(|_| NotATimestamp)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_three_decimals() {
        assert_eq!(Timestamp(1_732_264_325_391).to_string(), "2024-11-22T08:32:05.391Z");
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(Timestamp::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(Timestamp::MIN).to_string(), "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn only_that_text_is_read() {
        assert_eq!("2024-11-22T08:32:05.391Z".parse(), Ok(Timestamp(1_732_264_325_391)));
        for text in [
            "2024-11-22T08:32:05Z",
            "2024-11-22T08:32:05.3910Z",
            "2024-11-22T08:32:05.391+00:00",
            "2024-02-30T08:32:05.391Z",
            "2024-11-22T24:00:00.000Z",
            "2024-11-22T23:59:60.000Z",
            "2024-13-22T08:32:05.391Z",
            "+024-11-22T08:32:05.391Z",
            "2024-11-22t08:32:05.391Z",
            "",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NotATimestamp), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_goes_both_ways(millis in Timestamp::MIN..=Timestamp::MAX) {
            let at = Timestamp(millis);
            proptest::prop_assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        }
    }
}
