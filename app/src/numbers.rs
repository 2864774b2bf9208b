//! Numbers as people read them: grouped thousands, short forms for axes,
//! shares and minutes. English only.

/// What stands where there is no value.
pub const NO_VALUE: &str = "–";

/// `58,665`, rounded to a whole number.
pub fn whole(value: f64) -> String {
    group(&format!("{:.0}", value.abs()), is_negative(value, 0))
}

/// `1,234.5` with so many decimals.
pub fn decimal(value: f64, decimals: usize) -> String {
    group(
        &format!("{:.decimals$}", value.abs()),
        is_negative(value, decimals),
    )
}

/// `58.7k`, `1.2M`: for axes, where room is scarce.
pub fn short(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, "B"),
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = decimal(scaled, 1);
    format!("{}{suffix}", text.strip_suffix(".0").unwrap_or(&text))
}

/// `81.3%` of a share between 0 and 1.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || NO_VALUE.to_owned(),
        |share| decimal(share * 100.0, 1) + "%",
    )
}

/// `12.4 min`
pub fn minutes(value: Option<f64>) -> String {
    value.map_or_else(|| NO_VALUE.to_owned(), |value| decimal(value, 1) + " min")
}

/// `1 flight`, `2 flights`: the count, grouped, with the noun that fits it.
pub fn count(value: f64, one: &str, many: &str) -> String {
    let text = whole(value);
    let noun = if text == "1" { one } else { many };
    format!("{text} {noun}")
}

/// `14:59` of seconds; an hour and more as `1:00:00`.
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// Whether the value is still below zero once rounded, so that no "−0" shows.
fn is_negative(value: f64, decimals: usize) -> bool {
    value * 10f64.powi(decimals as i32) <= -0.5
}

/// Puts commas between thousands and a true minus sign in front.
fn group(digits: &str, negative: bool) -> String {
    let (integer, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut grouped = String::from(if negative { "−" } else { "" });
    for (at, digit) in integer.chars().enumerate() {
        if at > 0 && (integer.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_grouped_and_rounded() {
        let cases = [
            (0.0, "0"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (58_665.0, "58,665"),
            (1_234_567.4, "1,234,567"),
            (-1500.0, "−1,500"),
            (-0.2, "0"),
        ];
        for (value, text) in cases {
            assert_eq!(whole(value), text);
        }
    }

    #[test]
    fn short_forms_keep_one_decimal_where_it_says_something() {
        let cases = [
            (0.0, "0"),
            (7.5, "7.5"),
            (200.0, "200"),
            (9999.0, "9,999"),
            (10_000.0, "10k"),
            (58_665.0, "58.7k"),
            (2_000_000.0, "2M"),
            (-20.0, "−20"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn shares_and_minutes_say_when_there_is_no_value() {
        assert_eq!(percent(Some(0.8126)), "81.3%");
        assert_eq!(percent(None), NO_VALUE);
        assert_eq!(minutes(Some(-3.25)), "−3.2 min");
        assert_eq!(minutes(Some(-0.01)), "0.0 min");
        assert_eq!(minutes(None), NO_VALUE);
    }

    #[test]
    fn nouns_follow_the_count() {
        assert_eq!(count(1.0, "flight", "flights"), "1 flight");
        assert_eq!(count(1200.0, "flight", "flights"), "1,200 flights");
    }

    #[test]
    fn clocks_show_hours_only_when_there_are_any() {
        let cases = [(899, "14:59"), (5, "0:05"), (-3, "0:00"), (3661, "1:01:01")];
        for (seconds, text) in cases {
            assert_eq!(clock(seconds), text);
        }
    }
}
