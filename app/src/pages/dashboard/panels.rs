//! The panels' content: rows in, figures, charts and rankings out.

use leptos::prelude::*;

use super::{
    Shown,
    panel::{content, panel},
};
use crate::{
    analytics::{Day, Destination, Hour, Query, Summary},
    calendar,
    charts::{Bucket, ColumnChart, ColumnChartData, Granularity, Mark, bucket_days},
    components::DataTable,
    numbers::{NO_VALUE, count, decimal, minutes, percent, short, whole},
    period::Range,
};

/// Four figures about the whole range.
pub(super) fn summary(query: Query, shown: Shown) -> AnyView {
    let body = content(
        query,
        Box::new(move |table| {
            let days = shown.range.get_untracked().map(Range::days);
            Ok(cards(Summary::read(table)?, days))
        }),
    );
    view! {
        <section class="summary" class:is-pending=query.pending aria-label="In short">
            {body}
        </section>
    }
    .into_any()
}

fn cards(summary: Summary, days: Option<i64>) -> AnyView {
    let Summary {
        flights,
        on_time_share,
        average_departure_delay,
        cancelled,
    } = summary;
    let a_day = days.map(|days| format!("{} a day", decimal(flights / days as f64, 1)));
    let share =
        (flights > 0.0).then(|| format!("{} of all flights", percent(Some(cancelled / flights))));
    let late = match average_departure_delay {
        Some(delay) if delay < 0.0 => "before schedule on average",
        _ => "behind schedule on average",
    };
    let card = |label, figure: String, detail: Option<String>| {
        view! {
            <div class="card">
                <dt>{label}</dt>
                <dd class="figure">{figure}</dd>
                <dd class="detail">{detail.unwrap_or_else(|| NO_VALUE.to_owned())}</dd>
            </div>
        }
    };
    view! {
        <dl class="cards">
            {card("Flights", whole(flights), a_day)}
            {card("On time", percent(on_time_share), Some("arrived less than 15 min late".to_owned()))}
            {card("Departure delay", minutes(average_departure_delay), Some(late.to_owned()))}
            {card("Cancelled", whole(cancelled), share)}
        </dl>
    }
    .into_any()
}

/// Flights over time.
pub(super) fn days(query: Query, shown: Shown) -> AnyView {
    let body = move |table: &_| {
        let days = Day::read(table)?;
        let rows = days.first().zip(days.last()).map(|(first, last)| Range {
            from: first.day,
            to: last.day,
        });
        let Some(range) = shown.range.get_untracked().or(rows) else {
            return Ok(().into_any());
        };
        Ok(view! { <ColumnChart data=days_chart(&days, range) /> }.into_any())
    };
    panel(
        "days",
        "Flights per day",
        "panel-wide",
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
    let body = move |table: &_| {
        let hours = Hour::read(table)?;
        Ok(view! { <ColumnChart data=hours_chart(&hours) /> }.into_any())
    };
    panel(
        "hours",
        "Departure delay by hour",
        "panel-half",
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
    let body = move |table: &_| Ok(ranking(Destination::read(table)?));
    panel(
        "destinations",
        "Top destinations",
        "panel-half",
        query,
        Box::new(body),
    )
}

fn ranking(destinations: Vec<Destination>) -> AnyView {
    let most = destinations
        .iter()
        .map(|row| row.flights)
        .fold(1.0, f64::max);
    let rows = destinations
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <svg class="ranking-bar" aria-hidden="true">
                            <rect width=format!("{:.1}%", row.flights / most * 100.0) height="100%" rx="3" />
                        </svg>
                        <span class="ranking-name">
                            <span class="code">{row.airport}</span>
                            {row.name}
                        </span>
                    </th>
                    <td class="number">{whole(row.flights)}</td>
                    <td class="number">{row.average_arrival_delay.map_or_else(|| NO_VALUE.to_owned(), |delay| decimal(delay, 1))}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="ranking">
            <caption class="visually-hidden">"Airports by number of flights"</caption>
            <thead>
                <tr>
                    <th scope="col">"Airport"</th>
                    <th scope="col" class="number">"Flights"</th>
                    <th scope="col" class="number">"Minutes late"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
