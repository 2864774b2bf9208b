//! The panels' content: rows in, figures, charts and rankings out.

use leptos::prelude::*;

use super::{
    panel::{Content, busy, content, data_panel},
    plan::Plan,
};
use crate::{
    analytics::{Day, Destination, Hour, Query, Summary},
    calendar,
    charts::{Bucket, ColumnChartData, Granularity, Mark, bucket_days},
    components::DataTable,
    markup::Markup,
    numbers::{NO_VALUE, count, decimal, minutes, percent, short, whole},
    period::Range,
};

/// The days that the newest answer is about. Not tracked: a new range counts
/// once its answer is here, not before.
fn shown(plan: Memo<Plan>) -> Option<Range> {
    plan.with_untracked(|plan| plan.range)
}

/// Four figures about the whole range.
pub(super) fn summary(query: Query, plan: Memo<Plan>) -> AnyView {
    let body = content(
        query,
        Box::new(move |table| {
            let days = shown(plan).map(Range::days);
            Ok(Content::Markup(cards(Summary::read(table)?, days)))
        }),
    );
    view! {
        <section class="summary" aria-busy=busy(query) aria-label="In short">
            {body}
        </section>
    }
    .into_any()
}

fn cards(summary: Summary, days: Option<i64>) -> Markup {
    let Summary {
        flights,
        on_time_share,
        average_departure_delay,
        cancelled,
    } = summary;
    let a_day = days.map(|days| format!("{} a day", decimal(flights / days as f64, 1)));
    let share = (flights > 0.0).then(|| percent(Some(cancelled / flights)) + " of all flights");
    let late = match average_departure_delay {
        Some(delay) if delay < 0.0 => "before schedule on average",
        _ => "behind schedule on average",
    };
    let card = |label: &str, figure: String, detail: Option<&str>| {
        let label = Markup::element_of_text("dt", &[], label);
        let figure = Markup::element_of_text("dd", &[("class", "figure")], &figure);
        let detail =
            Markup::element_of_text("dd", &[("class", "detail")], detail.unwrap_or(NO_VALUE));
        Markup::element("div", &[("class", "card")], label + figure + detail)
    };
    let cards = card("Flights", whole(flights), a_day.as_deref())
        + card(
            "On time",
            percent(on_time_share),
            Some("arrived less than 15 min late"),
        )
        + card(
            "Departure delay",
            minutes(average_departure_delay),
            Some(late),
        )
        + card("Cancelled", whole(cancelled), share.as_deref());
    Markup::element("dl", &[("class", "cards")], cards)
}

/// Flights over time.
pub(super) fn days(query: Query, plan: Memo<Plan>) -> AnyView {
    let body = move |table: &_| {
        let days = Day::read(table)?;
        let ends = days.first().zip(days.last());
        let of_rows = ends.map(|(first, last)| Range {
            from: first.day,
            to: last.day,
        });
        Ok(match shown(plan).or(of_rows) {
            Some(range) => Content::Chart(days_chart(&days, range)),
            None => Content::Markup(Markup::default()),
        })
    };
    data_panel(
        "days",
        "Flights per day",
        "panel panel-wide",
        query,
        Box::new(body),
    )
}

fn days_chart(days: &[Day], range: Range) -> ColumnChartData {
    let granularity = Granularity::of(range);
    let buckets = bucket_days(days, range, granularity);
    let names = buckets
        .iter()
        .map(|bucket| bucket_name(bucket, granularity))
        .collect::<Vec<_>>();
    let number = |value: f64| {
        if granularity == Granularity::Day {
            whole(value)
        } else {
            decimal(value, 1)
        }
    };
    let marks = buckets.iter().zip(&names).map(|(bucket, name)| Mark {
        tick: tick(bucket, granularity),
        reading: format!(
            "{name}: {}{}, {} cancelled",
            if granularity == Granularity::Day {
                ""
            } else {
                "a day "
            },
            if granularity == Granularity::Day {
                count(bucket.flights, "flight", "flights")
            } else {
                format!("{} flights", number(bucket.flights_per_day()))
            },
            number(bucket.cancelled_per_day())
        ),
        value: Some(bucket.flights_per_day()),
        hollow: bucket.cancelled_per_day(),
    });
    let busiest = buckets
        .iter()
        .zip(&names)
        .max_by(|(a, _), (b, _)| a.flights_per_day().total_cmp(&b.flights_per_day()))
        .map(|(bucket, name)| format!("Most on {name}: {}.", number(bucket.flights_per_day())));
    let (unit, each) = match granularity {
        Granularity::Day => ("Day", "Every column is a day."),
        Granularity::Week => ("Week", "Every column is the average day of a week."),
        Granularity::Month => ("Month", "Every column is the average day of a month."),
    };
    let rows = buckets.iter().zip(&names).map(|(bucket, name)| {
        vec![
            name.clone(),
            whole(bucket.flights),
            whole(bucket.cancelled),
            decimal(bucket.flights_per_day(), 1),
        ]
    });
    ColumnChartData {
        id: "days-chart",
        title: "Flights per day".to_owned(),
        summary: format!("{each} {}", busiest.unwrap_or_default()),
        axis: short,
        whole: true,
        is_late: false,
        parts: Some(["Flown", "Cancelled"]),
        table: DataTable {
            caption: "Flights over time".to_owned(),
            head: [unit, "Flights", "Cancelled", "Flights a day"]
                .map(str::to_owned)
                .into(),
            texts: 1,
            rows: rows.collect(),
        },
        marks: marks.collect(),
    }
}

fn bucket_name(bucket: &Bucket, granularity: Granularity) -> String {
    match granularity {
        Granularity::Day => calendar::with_weekday(bucket.from),
        Granularity::Week | Granularity::Month => calendar::span(bucket.from, bucket.to),
    }
}

fn tick(bucket: &Bucket, granularity: Granularity) -> String {
    match granularity {
        Granularity::Day | Granularity::Week => calendar::day_and_month(bucket.from),
        Granularity::Month => calendar::month_and_year(bucket.from),
    }
}

/// How late flights leave over the day.
pub(super) fn hours(query: Query) -> AnyView {
    let body = move |table: &_| Ok(Content::Chart(hours_chart(&Hour::read(table)?)));
    data_panel(
        "hours",
        "Departure delay by hour",
        "panel panel-half",
        query,
        Box::new(body),
    )
}

fn hours_chart(hours: &[Hour]) -> ColumnChartData {
    let first = hours.iter().map(|hour| hour.hour).min().unwrap_or(0);
    let last = hours.iter().map(|hour| hour.hour).max().unwrap_or(0);
    let of = |hour: u8| hours.iter().find(|row| row.hour == hour);
    let span = |hour: u8| format!("{hour:02}:00 – {hour:02}:59");
    let marks = (first..=last).map(|hour| {
        let row = of(hour);
        let value = row.and_then(|row| row.average_departure_delay);
        let flights = row.map_or(0.0, |row| row.flights);
        Mark {
            tick: format!("{hour:02}"),
            reading: format!(
                "{}: {} on average, {}",
                span(hour),
                minutes(value),
                count(flights, "flight", "flights")
            ),
            value,
            hollow: 0.0,
        }
    });
    let latest = hours
        .iter()
        .filter_map(|row| Some((row.hour, row.average_departure_delay?)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(hour, delay)| format!("Longest from {hour:02}:00 on: {}.", minutes(Some(delay))));
    let rows = hours.iter().map(|row| {
        vec![
            span(row.hour),
            whole(row.flights),
            minutes(row.average_departure_delay),
        ]
    });
    ColumnChartData {
        id: "hours-chart",
        title: "Average departure delay in minutes by scheduled hour".to_owned(),
        summary: format!(
            "Minutes on average, by scheduled hour. {}",
            latest.unwrap_or_default()
        ),
        marks: marks.collect(),
        axis: short,
        whole: false,
        is_late: true,
        parts: None,
        table: DataTable {
            caption: "Departure delay by hour".to_owned(),
            head: ["Hour", "Flights", "Average delay"]
                .map(str::to_owned)
                .into(),
            texts: 1,
            rows: rows.collect(),
        },
    }
}

/// The airports flown to most.
pub(super) fn destinations(query: Query) -> AnyView {
    let body = move |table: &_| Ok(Content::Markup(ranking(&Destination::read(table)?)));
    data_panel(
        "destinations",
        "Top destinations",
        "panel panel-half",
        query,
        Box::new(body),
    )
}

fn ranking(destinations: &[Destination]) -> Markup {
    let most = destinations
        .iter()
        .map(|row| row.flights)
        .fold(1.0, f64::max);
    let number = |text: &str| Markup::element_of_text("td", &[("class", "number")], text);
    let row = |row: &Destination| {
        let width = decimal(row.flights / most * 100.0, 1) + "%";
        let bar = [("width", width.as_str()), ("height", "100%"), ("rx", "3")];
        let bar = Markup::element("rect", &bar, Markup::default());
        let bar = Markup::element(
            "svg",
            &[("class", "ranking-bar"), ("aria-hidden", "true")],
            bar,
        );
        let code = Markup::element_of_text("span", &[("class", "airport")], &row.airport);
        // The space is for those who have the row read to them.
        let name = code + Markup::text(" ") + Markup::text(&row.name);
        let name = Markup::element("span", &[("class", "ranking-name")], name);
        let delay = row.average_arrival_delay.map(|delay| decimal(delay, 1));
        let cells = Markup::element("th", &[("scope", "row")], bar + name)
            + number(&whole(row.flights))
            + number(delay.as_deref().unwrap_or(NO_VALUE));
        Markup::element("tr", &[], cells)
    };
    let head = Markup::fixed(
        "<caption class=\"visually-hidden\">Airports by number of flights</caption>\
         <thead><tr><th scope=\"col\">Airport</th><th scope=\"col\" class=\"number\">Flights</th>\
         <th scope=\"col\" class=\"number\">Minutes late</th></tr></thead>",
    );
    let body = Markup::element("tbody", &[], destinations.iter().map(row).sum());
    Markup::element("table", &[("class", "ranking")], head + body)
}
