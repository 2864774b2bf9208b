//! Four figures about the whole range, each with a line that puts it in place.

use crate::{
    analytics::Summary,
    markup::Markup,
    numbers::{NO_VALUE, decimal, minutes, percent, whole},
};

/// Draws the cards; `days` is the length of the range, where it is known.
pub(super) fn draw(summary: Summary, days: Option<i64>) -> Markup {
    let Summary {
        flights,
        on_time_share,
        average_departure_delay,
        cancelled,
    } = summary;
    let a_day = days.map(|days| decimal(flights / days as f64, 1) + " a day");
    let share = (flights > 0.0).then(|| percent(Some(cancelled / flights)) + " of all flights");
    let late = match average_departure_delay {
        Some(delay) if delay < 0.0 => "before schedule on average",
        _ => "behind schedule on average",
    };
    let cards = card("Flights", &whole(flights), a_day.as_deref())
        + card(
            "On time",
            &percent(on_time_share),
            Some("arrived less than 15 min late"),
        )
        + card(
            "Departure delay",
            &minutes(average_departure_delay),
            Some(late),
        )
        + card("Cancelled", &whole(cancelled), share.as_deref());
    Markup::element("dl", &[("class", "cards")], cards)
}

fn card(label: &str, figure: &str, detail: Option<&str>) -> Markup {
    let content = Markup::element_of_text("dt", &[], label)
        + Markup::element_of_text("dd", &[("class", "figure")], figure)
        + Markup::element_of_text("dd", &[("class", "detail")], detail.unwrap_or(NO_VALUE));
    Markup::element("div", &[("class", "card")], content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_flights_has_no_shares() {
        let html = draw(Summary::default(), Some(7)).into_html();
        assert!(
            html.contains(r#"<dd class="figure">0</dd><dd class="detail">0.0 a day</dd>"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<dt>On time</dt><dd class="figure">–</dd>"#),
            "{html}"
        );
        assert!(
            html.contains(
                r#"<dt>Cancelled</dt><dd class="figure">0</dd><dd class="detail">–</dd>"#
            ),
            "{html}"
        );
    }

    #[test]
    fn flights_that_leave_early_on_average_are_before_schedule() {
        let early = Summary {
            average_departure_delay: Some(-2.5),
            flights: 1.0,
            ..Summary::default()
        };
        let html = draw(early, None).into_html();
        assert!(
            html.contains("−2.5 min") && html.contains("before schedule"),
            "{html}"
        );
    }
}
