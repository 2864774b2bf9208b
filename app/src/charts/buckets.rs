//! Groups days into as many columns as a narrow screen can show.

use time::Date;

use crate::{analytics::Day, calendar, period::Range};

/// More columns than this are thinner than two pixels on a phone.
const MOST_COLUMNS: i64 = 120;

/// What one column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// A day.
    Day,
    /// A week from Monday.
    Week,
    /// A calendar month.
    Month,
}

/// One column: the days from `from` to `to` within the range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The first day that counts.
    pub from: Date,
    /// The last day that counts.
    pub to: Date,
    /// Flights of all its days.
    pub flights: f64,
    /// Cancelled flights of all its days.
    pub cancelled: f64,
}

impl Bucket {
    /// How many days it has.
    pub fn days(&self) -> f64 {
        ((self.to - self.from).whole_days() + 1) as f64
    }

    /// Flights of an average day of it. Buckets are compared by this, so that
    /// a week cut by the range's end does not look like a slump.
    pub fn flights_per_day(&self) -> f64 {
        self.flights / self.days()
    }

    /// Cancelled flights of an average day of it.
    pub fn cancelled_per_day(&self) -> f64 {
        self.cancelled / self.days()
    }
}

impl Granularity {
    /// The finest one that keeps the range drawable.
    pub fn of(range: Range) -> Self {
        match range.days() {
            days if days <= MOST_COLUMNS => Self::Day,
            days if days <= MOST_COLUMNS * 7 => Self::Week,
            _ => Self::Month,
        }
    }

    /// The first day of the bucket that a day belongs to.
    fn start(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => {
                calendar::plus_days(day, -i64::from(day.weekday().number_days_from_monday()))
            }
            Self::Month => day.replace_day(1).unwrap_or(day),
        }
    }

    /// The first day of the next bucket.
    fn next(self, start: Date) -> Date {
        match self {
            Self::Day => calendar::plus_days(start, 1),
            Self::Week => calendar::plus_days(start, 7),
            // Every month has fewer than 32 days, and no two of them more than 59.
            Self::Month => Self::Month.start(calendar::plus_days(start, 32)),
        }
    }
}

/// Sums days into the buckets of a range; days without a row count as zero,
/// rows outside the range do not count.
pub fn bucket_days(days: &[Day], range: Range, granularity: Granularity) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let mut start = granularity.start(range.from);
    while start <= range.to {
        let next = granularity.next(start);
        let (from, to) = (
            start.max(range.from),
            calendar::plus_days(next, -1).min(range.to),
        );
        buckets.push(Bucket {
            from,
            to,
            flights: 0.0,
            cancelled: 0.0,
        });
        if next <= start {
            break;
        }
        start = next;
    }
    for day in days {
        let position = buckets.partition_point(|bucket| bucket.to < day.day);
        if let Some(bucket) = buckets
            .get_mut(position)
            .filter(|bucket| bucket.from <= day.day)
        {
            bucket.flights += day.flights;
            bucket.cancelled += day.cancelled;
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        calendar::parse_iso(text).unwrap()
    }

    fn range(from: &str, to: &str) -> Range {
        Range {
            from: date(from),
            to: date(to),
        }
    }

    fn day(text: &str, flights: f64) -> Day {
        Day {
            day: date(text),
            flights,
            cancelled: 1.0,
        }
    }

    #[test]
    fn the_granularity_keeps_columns_drawable() {
        let cases = [
            ("2026-11-01", "2026-11-18", Granularity::Day),
            ("2026-07-22", "2026-11-18", Granularity::Day),
            ("2026-07-21", "2026-11-18", Granularity::Week),
            ("2025-11-19", "2026-11-18", Granularity::Week),
            ("2022-01-01", "2026-11-18", Granularity::Month),
        ];
        for (from, to, granularity) in cases {
            assert_eq!(Granularity::of(range(from, to)), granularity, "{from} {to}");
        }
    }

    #[test]
    fn days_without_a_row_are_empty_columns() {
        let days = [
            day("2026-11-01", 5.0),
            day("2026-11-03", 7.0),
            day("2026-12-01", 9.0),
        ];
        let buckets = bucket_days(&days, range("2026-11-01", "2026-11-03"), Granularity::Day);
        assert_eq!(
            buckets
                .iter()
                .map(|bucket| bucket.flights)
                .collect::<Vec<_>>(),
            [5.0, 0.0, 7.0]
        );
    }

    #[test]
    fn weeks_start_on_monday_and_are_cut_by_the_range() {
        // 4 Nov 2026 is a Wednesday, 17 Nov a Tuesday.
        let days: Vec<_> = (4..=17)
            .map(|number| day(&format!("2026-11-{number:02}"), 10.0))
            .collect();
        let buckets = bucket_days(&days, range("2026-11-04", "2026-11-17"), Granularity::Week);
        let edges: Vec<_> = buckets
            .iter()
            .map(|bucket| (bucket.from.day(), bucket.to.day()))
            .collect();
        assert_eq!(edges, [(4, 8), (9, 15), (16, 17)]);
        assert!(buckets.iter().all(|bucket| bucket.flights_per_day() == 10.0 && bucket.cancelled_per_day() == 1.0));
    }

    #[test]
    fn months_follow_the_calendar() {
        let buckets = bucket_days(&[], range("2025-12-15", "2026-03-02"), Granularity::Month);
        let edges: Vec<_> = buckets
            .iter()
            .map(|bucket| (calendar::iso(bucket.from), calendar::iso(bucket.to)))
            .collect();
        let expected = [
            ("2025-12-15", "2025-12-31"),
            ("2026-01-01", "2026-01-31"),
            ("2026-02-01", "2026-02-28"),
            ("2026-03-01", "2026-03-02"),
        ];
        assert_eq!(
            edges,
            expected.map(|(from, to)| (from.to_owned(), to.to_owned()))
        );
    }
}
