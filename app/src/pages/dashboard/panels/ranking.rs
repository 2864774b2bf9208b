//! The airports flown to most, with bars behind their names.

use crate::{
    analytics::Destination,
    markup::Markup,
    numbers::{NO_VALUE, decimal, whole},
};

/// Draws the ranking; the longest bar is the one with most flights.
pub(super) fn draw(destinations: &[Destination]) -> Markup {
    let most = destinations
        .iter()
        .map(|row| row.flights)
        .fold(1.0, f64::max);
    let head = Markup::fixed(
        "<caption class=\"visually-hidden\">Airports by number of flights</caption>\
         <thead><tr><th scope=\"col\">Airport</th><th scope=\"col\" class=\"number\">Flights</th>\
         <th scope=\"col\" class=\"number\">Minutes late</th></tr></thead>",
    );
    let rows = destinations
        .iter()
        .map(|destination| row(destination, most))
        .sum();
    Markup::element(
        "table",
        &[("class", "ranking")],
        head + Markup::element("tbody", &[], rows),
    )
}

fn row(destination: &Destination, most: f64) -> Markup {
    let code = Markup::element_of_text("span", &[("class", "airport")], &destination.airport);
    // The space is for those who have the row read to them.
    let name = code + Markup::text(" ") + Markup::text(&destination.name);
    let name = Markup::element("span", &[("class", "ranking-name")], name);
    let delay = destination
        .average_arrival_delay
        .map(|delay| decimal(delay, 1));
    let number = |text: &str| Markup::element_of_text("td", &[("class", "number")], text);
    let head = [("scope", "row")];
    let cells = Markup::element("th", &head, bar(destination.flights / most) + name)
        + number(&whole(destination.flights))
        + number(delay.as_deref().unwrap_or(NO_VALUE));
    Markup::element("tr", &[], cells)
}

fn bar(share: f64) -> Markup {
    let width = decimal(share * 100.0, 1) + "%";
    let rect = [("width", width.as_str()), ("height", "100%"), ("rx", "3")];
    let rect = Markup::element("rect", &rect, Markup::default());
    Markup::element(
        "svg",
        &[("class", "ranking-bar"), ("aria-hidden", "true")],
        rect,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_longest_and_missing_delays_are_marked() {
        let destination = |airport: &str, flights| Destination {
            airport: airport.into(),
            name: "O'Hare <Intl>".into(),
            flights,
            average_arrival_delay: None,
        };
        let html = draw(&[destination("ORD", 200.0), destination("IAH", 50.0)]).into_html();
        assert!(
            html.contains(r#"width="100.0%""#) && html.contains(r#"width="25.0%""#),
            "{html}"
        );
        assert!(html.contains("O'Hare &lt;Intl&gt;"), "{html}");
        assert!(
            html.contains(r#"<td class="number">200</td><td class="number">–</td>"#),
            "{html}"
        );
    }
}
