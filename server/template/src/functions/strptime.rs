//! Reads dates by Python's `strptime` formats.

use time::{Date, Month};

/// Microseconds since 1970-01-01, or nothing when `text` does not fit `format`.
pub(super) fn strptime(text: &str, format: &str) -> Option<i128> {
    let mut reader = Reader {
        rest: text,
        ..Reader::default()
    };
    let mut pattern = format.chars().peekable();
    while let Some(expected) = pattern.next() {
        if expected == '%' {
            reader.directive(pattern.next()?)?;
        } else if expected.is_whitespace() {
            while pattern.next_if(|next| next.is_whitespace()).is_some() {}
            let trimmed = reader.rest.trim_start();
            if trimmed.len() == reader.rest.len() {
                return None;
            }
            reader.rest = trimmed;
        } else {
            reader.rest = reader.rest.strip_prefix(expected)?;
        }
    }
    if !reader.rest.is_empty() {
        return None;
    }
    reader.finish()
}

#[derive(Default)]
struct Reader<'t> {
    rest: &'t str,
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    ordinal: Option<u16>,
    hour: Option<i128>,
    afternoon: Option<bool>,
    minute: Option<i128>,
    second: Option<i128>,
    microsecond: i128,
    offset: i128,
}

const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

impl Reader<'_> {
    fn directive(&mut self, directive: char) -> Option<()> {
        match directive {
            'Y' => self.year = Some(i32::try_from(self.number(4, 4)?).ok()?),
            'y' => {
                let year = i32::try_from(self.number(2, 2)?).ok()?;
                self.year = Some(year + if year < 69 { 2000 } else { 1900 });
            }
            'm' => self.month = Some(self.within(2, 1..=12)?),
            'd' => self.day = Some(self.within(2, 1..=31)?),
            'j' => self.ordinal = Some(self.within(3, 1..=366)?),
            'H' => self.hour = Some(self.within(2, 0..=23)?),
            'I' => self.hour = Some(self.within(2, 1..=12)?),
            'M' => self.minute = Some(self.within(2, 0..=59)?),
            'S' => self.second = Some(self.within(2, 0..=61)?),
            'f' => {
                let before = self.rest.len();
                let digits = self.number(1, 6)?;
                let count = u32::try_from(before - self.rest.len()).ok()?;
                self.microsecond = digits * 10i128.pow(6 - count);
            }
            'p' => self.afternoon = Some(self.word(&["am", "pm"], 2)? == 1),
            'B' => self.month = Some(u8::try_from(self.word(MONTHS, usize::MAX)? + 1).ok()?),
            'b' => self.month = Some(u8::try_from(self.word(MONTHS, 3)? + 1).ok()?),
            // The weekday follows from the date.
            'A' => {
                self.word(DAYS, usize::MAX)?;
            }
            'a' => {
                self.word(DAYS, 3)?;
            }
            'z' => self.offset = self.zone()?,
            '%' => self.rest = self.rest.strip_prefix('%')?,
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i128> {
        let digits = self
            .rest
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    fn within<T: TryFrom<i128>>(
        &mut self,
        digits: usize,
        range: std::ops::RangeInclusive<i128>,
    ) -> Option<T> {
        let number = self.number(1, digits)?;
        range.contains(&number).then(|| T::try_from(number).ok())?
    }

    /// The index of the word that starts here, of which `length` letters count.
    fn word(&mut self, words: &[&str], length: usize) -> Option<usize> {
        let index = words.iter().position(|word| {
            let word = &word[..word.len().min(length)];
            self.rest
                .get(..word.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        })?;
        self.rest = &self.rest[words[index].len().min(length)..];
        Some(index)
    }

    /// `Z`, `+hhmm` or `+hh:mm`, in seconds.
    fn zone(&mut self) -> Option<i128> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(0);
        }
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let hours = self.number(2, 2)?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let seconds = hours * 3600 + self.number(2, 2)? * 60;
        Some(if negative { -seconds } else { seconds })
    }

    fn finish(self) -> Option<i128> {
        let year = self.year.unwrap_or(1900);
        let date = match self.ordinal {
            Some(ordinal) => Date::from_ordinal_date(year, ordinal).ok()?,
            None => {
                let month = Month::try_from(self.month.unwrap_or(1)).ok()?;
                Date::from_calendar_date(year, month, self.day.unwrap_or(1)).ok()?
            }
        };
        let hour = match (self.hour.unwrap_or(0), self.afternoon) {
            (hour, None) => hour,
            (hour, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        let days = i128::from(date.to_julian_day()) - 2_440_588;
        let seconds =
            days * 86_400 + hour * 3_600 + self.minute.unwrap_or(0) * 60 + self.second.unwrap_or(0)
                - self.offset;
        Some(seconds * 1_000_000 + self.microsecond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_pythons() {
        let second = 1_000_000;
        let cases = [
            ("1970-01-02", "%Y-%m-%d", Some(86_400 * second)),
            ("1970-01-01 00:00:01", "%Y-%m-%d %H:%M:%S", Some(second)),
            (
                "1970-1-1T0:0:0.5Z",
                "%Y-%m-%dT%H:%M:%S.%fZ",
                Some(second / 2),
            ),
            ("1970-01-01 01:00:00 +0100", "%Y-%m-%d %H:%M:%S %z", Some(0)),
            (
                "Jan 1 70, 12:05 AM",
                "%b %d %y, %I:%M %p",
                Some(300 * second),
            ),
            ("1970-002", "%Y-%j", Some(86_400 * second)),
            ("1970-02-30", "%Y-%m-%d", None),
            ("1970-01-01x", "%Y-%m-%d", None),
            ("70-01-01", "%Y-%m-%d", None),
            ("1970-01-01", "%Y-%m-%d %H", None),
            ("x", "%q", None),
        ];
        for (text, format, expected) in cases {
            assert_eq!(strptime(text, format), expected, "{text} {format}");
        }
    }
}
