//! Numbers as people read them: grouped thousands, short forms for axes,
//! shares and minutes. English only.

/// What stands where there is no value.
pub const NO_VALUE: &str = "–";

/// `58,665`, rounded to a whole number.
pub fn whole(value: f64) -> String {
    decimal(value, 0)
}

/// `1,234.5` with so many decimals, three at most.
pub fn decimal(value: f64, decimals: usize) -> String {
    // Whole numbers all the way: the code that writes any floating-point
    // number is large, and the browser has to load it.
    let factor = [1_u64, 10, 100, 1000][decimals.min(3)];
    let scaled = (value.abs() * factor as f64).round() as u64;
    let sign = if value < 0.0 && scaled > 0 { "−" } else { "" };
    let mut text = sign.to_owned() + &grouped(scaled / factor);
    if decimals > 0 {
        text.push('.');
        text.push_str(&(factor + scaled % factor).to_string()[1..]);
    }
    text
}

/// `58.7k`, `1.2M`, `0.25`: for axes, where room is scarce.
pub fn short(value: f64) -> String {
    let (scaled, decimals, suffix) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, 1, "B"),
        size if size >= 1e6 => (value / 1e6, 1, "M"),
        size if size >= 1e4 => (value / 1e3, 1, "k"),
        _ => (value, 2, ""),
    };
    let text = decimal(scaled, decimals);
    text.trim_end_matches('0').trim_end_matches('.').to_owned() + suffix
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

/// Puts commas between thousands.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
    fn short_forms_keep_the_decimals_that_say_something() {
        let cases = [
            (0.0, "0"),
            (0.25, "0.25"),
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
        assert_eq!(minutes(Some(-3.26)), "−3.3 min");
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
