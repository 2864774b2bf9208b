//! Flights over time: a column for each day, week or month.

use crate::{
    analytics::Day,
    calendar,
    charts::{Bucket, ColumnChartData, Granularity, Mark, bucket_days},
    components::DataTable,
    numbers::{count, decimal, short, whole},
    period::Range,
};

/// The chart of a range. Weeks and months are drawn as their average day, so
/// that one cut by the range's end does not look like a slump.
pub(super) fn chart(days: &[Day], range: Range) -> ColumnChartData {
    let granularity = Granularity::of(range);
    let buckets = bucket_days(days, range, granularity);
    ColumnChartData {
        id: "days-chart",
        title: "Flights per day".to_owned(),
        summary: summary(&buckets, granularity),
        marks: buckets
            .iter()
            .map(|bucket| mark(bucket, granularity))
            .collect(),
        axis: short,
        whole: true,
        is_late: false,
        parts: Some(["Flown", "Cancelled"]),
        table: table(&buckets, granularity),
    }
}

fn mark(bucket: &Bucket, granularity: Granularity) -> Mark {
    let name = name(bucket, granularity);
    let (flights, cancelled) = (bucket.flights_per_day(), bucket.cancelled_per_day());
    let (tick, reading) = match granularity {
        Granularity::Day => (
            calendar::day_and_month(bucket.from),
            format!(
                "{}, {} cancelled",
                count(flights, "flight", "flights"),
                whole(cancelled)
            ),
        ),
        Granularity::Week | Granularity::Month => (
            match granularity {
                Granularity::Month => calendar::month_and_year(bucket.from),
                _ => calendar::day_and_month(bucket.from),
            },
            format!(
                "{} flights a day, {} cancelled",
                decimal(flights, 1),
                decimal(cancelled, 1)
            ),
        ),
    };
    Mark {
        tick,
        reading: format!("{name}: {reading}"),
        value: Some(flights),
        hollow: cancelled,
    }
}

/// The days of a bucket in words.
fn name(bucket: &Bucket, granularity: Granularity) -> String {
    match granularity {
        Granularity::Day => calendar::with_weekday(bucket.from),
        Granularity::Week | Granularity::Month => calendar::span(bucket.from, bucket.to),
    }
}

/// What a column is, and the highest one.
fn summary(buckets: &[Bucket], granularity: Granularity) -> String {
    let column = match granularity {
        Granularity::Day => "Every column is a day.",
        Granularity::Week => "Every column is the average day of a week.",
        Granularity::Month => "Every column is the average day of a month.",
    };
    let highest = buckets
        .iter()
        .max_by(|a, b| a.flights_per_day().total_cmp(&b.flights_per_day()));
    let Some(highest) = highest else {
        return column.to_owned();
    };
    let flights = match granularity {
        Granularity::Day => whole(highest.flights),
        Granularity::Week | Granularity::Month => decimal(highest.flights_per_day(), 1),
    };
    format!(
        "{column} Most on {}: {flights}.",
        name(highest, granularity)
    )
}

fn table(buckets: &[Bucket], granularity: Granularity) -> DataTable {
    let unit = match granularity {
        Granularity::Day => "Day",
        Granularity::Week => "Week",
        Granularity::Month => "Month",
    };
    let mut head = vec![unit, "Flights", "Cancelled"];
    let has_average = granularity != Granularity::Day;
    head.extend(has_average.then_some("Flights a day"));
    let row = |bucket: &Bucket| {
        let mut row = vec![
            name(bucket, granularity),
            whole(bucket.flights),
            whole(bucket.cancelled),
        ];
        row.extend(has_average.then(|| decimal(bucket.flights_per_day(), 1)));
        row
    };
    DataTable {
        caption: "Flights over time".to_owned(),
        head: head.into_iter().map(str::to_owned).collect(),
        texts: 1,
        rows: buckets.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str, flights: f64) -> Day {
        Day {
            day: calendar::parse_iso(text).unwrap(),
            flights,
            cancelled: 1.0,
        }
    }

    fn range(from: &str, to: &str) -> Range {
        Range {
            from: calendar::parse_iso(from).unwrap(),
            to: calendar::parse_iso(to).unwrap(),
        }
    }

    #[test]
    fn days_are_read_with_their_counts() {
        let days = [day("2026-11-16", 161.0), day("2026-11-17", 1.0)];
        let chart = chart(&days, range("2026-11-16", "2026-11-18"));
        let readings: Vec<_> = chart
            .marks
            .iter()
            .map(|mark| mark.reading.as_str())
            .collect();
        assert_eq!(
            readings,
            [
                "Mon 16 Nov 2026: 161 flights, 1 cancelled",
                "Tue 17 Nov 2026: 1 flight, 1 cancelled",
                "Wed 18 Nov 2026: 0 flights, 0 cancelled",
            ]
        );
        assert_eq!(
            chart.summary,
            "Every column is a day. Most on Mon 16 Nov 2026: 161."
        );
        assert_eq!(chart.table.head, ["Day", "Flights", "Cancelled"]);
    }

    #[test]
    fn weeks_are_read_as_their_average_day_and_tabled_with_both() {
        let days = [day("2026-11-16", 140.0), day("2026-11-17", 160.0)];
        let chart = chart(&days, range("2025-11-18", "2026-11-17"));
        let last = chart.marks.last().unwrap();
        assert_eq!(
            last.reading,
            "16 – 17 Nov 2026: 150.0 flights a day, 1.0 cancelled"
        );
        assert_eq!(last.value, Some(150.0));
        let row = chart.table.rows.last().unwrap();
        assert_eq!(row, &["16 – 17 Nov 2026", "300", "2", "150.0"]);
    }
}
