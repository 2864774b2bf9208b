//! How late flights leave over the day: a column for each scheduled hour.

use crate::{
    analytics::Hour,
    charts::{ColumnChartData, Mark},
    components::DataTable,
    numbers::{count, minutes, short, whole},
};

/// The chart of the hours from the first to the last one with flights.
pub(super) fn chart(hours: &[Hour]) -> ColumnChartData {
    let first = hours.iter().map(|row| row.hour).min().unwrap_or(0);
    let last = hours.iter().map(|row| row.hour).max().unwrap_or(0);
    let mark = |hour| mark(hour, hours.iter().find(|row| row.hour == hour));
    ColumnChartData {
        id: "hours-chart",
        title: "Average departure delay in minutes by scheduled hour".to_owned(),
        summary: summary(hours),
        marks: (first..=last).map(mark).collect(),
        axis: short,
        whole: false,
        is_late: true,
        parts: None,
        table: table(hours),
    }
}

fn mark(hour: u8, row: Option<&Hour>) -> Mark {
    let value = row.and_then(|row| row.average_departure_delay);
    let flights = count(row.map_or(0.0, |row| row.flights), "flight", "flights");
    Mark {
        tick: format!("{hour:02}"),
        reading: format!("{}: {} on average, {flights}", name(hour), minutes(value)),
        value,
        hollow: 0.0,
    }
}

fn name(hour: u8) -> String {
    format!("{hour:02}:00 – {hour:02}:59")
}

fn summary(hours: &[Hour]) -> String {
    let longest = hours
        .iter()
        .filter_map(|row| Some((row.hour, row.average_departure_delay?)))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(hour, delay)| format!(" Longest from {hour:02}:00 on: {}.", minutes(Some(delay))));
    "Minutes on average, by scheduled hour.".to_owned() + &longest.unwrap_or_default()
}

fn table(hours: &[Hour]) -> DataTable {
    let row = |row: &Hour| {
        vec![
            name(row.hour),
            whole(row.flights),
            minutes(row.average_departure_delay),
        ]
    };
    DataTable {
        caption: "Departure delay by hour".to_owned(),
        head: ["Hour", "Flights", "Average delay"]
            .map(str::to_owned)
            .into(),
        texts: 1,
        rows: hours.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_without_flights_are_gaps_between_those_with_some() {
        let hour = |hour, delay| Hour {
            hour,
            flights: 10.0,
            average_departure_delay: delay,
        };
        let chart = chart(&[hour(5, Some(-1.0)), hour(7, Some(31.7)), hour(8, None)]);
        let values: Vec<_> = chart.marks.iter().map(|mark| mark.value).collect();
        assert_eq!(values, [Some(-1.0), None, Some(31.7), None]);
        assert_eq!(
            chart.marks[1].reading,
            "06:00 – 06:59: – on average, 0 flights"
        );
        assert_eq!(
            chart.summary,
            "Minutes on average, by scheduled hour. Longest from 07:00 on: 31.7 min."
        );
    }
}
