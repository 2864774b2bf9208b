//! Dates as people write and read them: ISO 8601 in addresses and requests,
//! "3 Nov 2026" on the page. English only, days only; no time zones.

use time::{Date, Duration, Month};

/// Short English names of the months, January first.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Short English names of the days, Monday first.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads `YYYY-MM-DD`, and nothing looser.
pub fn parse_iso(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    let digits = || {
        bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| at == 4 || at == 7 || byte.is_ascii_digit())
    };
    if !shape || !digits() {
        return None;
    }
    let year = text[0..4].parse().ok()?;
    let month = Month::try_from(text[5..7].parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year, month, text[8..10].parse().ok()?).ok()
}

/// Writes `YYYY-MM-DD`.
pub fn iso(date: Date) -> String {
    let (year, month, day) = date.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// `3 Nov`
pub fn day_and_month(date: Date) -> String {
    format!("{} {}", date.day(), month_name(date))
}

/// `Nov 2026`
pub fn month_and_year(date: Date) -> String {
    format!("{} {}", month_name(date), date.year())
}

/// `3 Nov 2026`
pub fn full(date: Date) -> String {
    format!("{} {} {}", date.day(), month_name(date), date.year())
}

/// `Tue 3 Nov 2026`
pub fn with_weekday(date: Date) -> String {
    let weekday = DAYS[usize::from(date.weekday().number_days_from_monday())];
    format!("{weekday} {}", full(date))
}

/// `21 Oct – 17 Nov 2026`, repeating only what differs.
pub fn span(from: Date, to: Date) -> String {
    if from == to {
        full(to)
    } else if from.year() != to.year() {
        format!("{} – {}", full(from), full(to))
    } else if from.month() != to.month() {
        format!("{} – {}", day_and_month(from), full(to))
    } else {
        format!("{} – {}", from.day(), full(to))
    }
}

/// The date so many days later, or earlier when negative; dates stop at the
/// ends of the calendar.
pub fn plus_days(date: Date, days: i64) -> Date {
    date.saturating_add(Duration::days(days))
}

/// The same day so many months earlier, or that month's last day.
pub fn minus_months(date: Date, months: i32) -> Date {
    let (year, month, day) = date.to_calendar_date();
    let index = year * 12 + i32::from(u8::from(month)) - 1 - months;
    let target = Month::try_from(index.rem_euclid(12) as u8 + 1).unwrap_or(Month::January);
    let year = index.div_euclid(12);
    let day = day.min(target.length(year));
    Date::from_calendar_date(year, target, day).unwrap_or(Date::MIN)
}

/// The date in UTC at a unix time in seconds.
pub fn date_of(unix: i64) -> Date {
    plus_days(
        Date::from_ordinal_date(1970, 1).unwrap_or(Date::MIN),
        unix.div_euclid(86_400),
    )
}

/// `21 Nov 2026, 14:03:12 UTC` of a unix time in seconds.
pub fn moment(unix: i64) -> String {
    let second = unix.rem_euclid(86_400);
    format!(
        "{}, {:02}:{:02}:{:02} UTC",
        full(date_of(unix)),
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn month_name(date: Date) -> &'static str {
    MONTHS[usize::from(u8::from(date.month())) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        parse_iso(text).unwrap()
    }

    #[test]
    fn iso_dates_round_trip_and_anything_else_is_refused() {
        assert_eq!(iso(date("2026-02-28")), "2026-02-28");
        assert_eq!(iso(date("2024-02-29")), "2024-02-29");
        for wrong in [
            "",
            "2026-2-28",
            "2026-02-30",
            "2026-13-01",
            "20260228",
            "+026-02-28",
            "2026-02-28 ",
            "２026-02-2",
        ] {
            assert_eq!(parse_iso(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn dates_read_naturally() {
        assert_eq!(with_weekday(date("2026-11-17")), "Tue 17 Nov 2026");
        assert_eq!(span(date("2026-11-17"), date("2026-11-17")), "17 Nov 2026");
        assert_eq!(
            span(date("2026-11-01"), date("2026-11-17")),
            "1 – 17 Nov 2026"
        );
        assert_eq!(
            span(date("2026-10-21"), date("2026-11-17")),
            "21 Oct – 17 Nov 2026"
        );
        assert_eq!(
            span(date("2025-12-31"), date("2026-01-01")),
            "31 Dec 2025 – 1 Jan 2026"
        );
    }

    #[test]
    fn months_back_end_on_the_last_day_when_there_is_no_such_day() {
        assert_eq!(minus_months(date("2026-11-17"), 12), date("2025-11-17"));
        assert_eq!(minus_months(date("2026-03-31"), 1), date("2026-02-28"));
        assert_eq!(minus_months(date("2024-02-29"), 12), date("2023-02-28"));
        assert_eq!(minus_months(date("2026-01-15"), 1), date("2025-12-15"));
    }

    #[test]
    fn unix_times_become_dates_and_moments() {
        assert_eq!(iso(date_of(0)), "1970-01-01");
        assert_eq!(iso(date_of(-1)), "1969-12-31");
        assert_eq!(moment(1_795_269_792), "21 Nov 2026, 14:03:12 UTC");
    }
}
