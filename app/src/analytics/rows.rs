//! The endpoints of the demo project as typed rows. The wire format is a
//! [`Table`]; a column that is missing or of another type is a failure of the
//! answer, not a panic of the page.

use time::Date;

use super::{Failure, Table};
use crate::calendar;

/// The one row of `flights_summary`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Flights, cancelled ones included.
    pub flights: f64,
    /// Share between 0 and 1 of the flights that arrived less than 15 minutes
    /// late.
    pub on_time_share: Option<f64>,
    /// Minutes.
    pub average_departure_delay: Option<f64>,
    /// Flights that never left.
    pub cancelled: f64,
}

/// A row of `flights_per_day`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Day {
    /// The day in New York.
    pub day: Date,
    /// Flights, cancelled ones included.
    pub flights: f64,
    /// Flights that never left.
    pub cancelled: f64,
}

/// A row of `delay_by_hour`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// 0 to 23 in New York.
    pub hour: u8,
    /// Flights, cancelled ones included.
    pub flights: f64,
    /// Minutes.
    pub average_departure_delay: Option<f64>,
}

/// A row of `top_destinations`.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// The airport's three letters.
    pub airport: String,
    /// Its name, or its three letters again.
    pub name: String,
    /// Flights, cancelled ones included.
    pub flights: f64,
    /// Minutes.
    pub average_arrival_delay: Option<f64>,
}

/// The one row of `flights_period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSpan {
    /// The first day with data.
    pub first: Date,
    /// The last day with data.
    pub last: Date,
    /// By how many weeks the demo data were moved.
    pub shift_weeks: i32,
}

impl Summary {
    /// Reads the answer of `flights_summary`.
    pub fn read(table: &Table) -> Result<Self, Failure> {
        let rows: Vec<_> = read(table, |table| {
            let (flights, on_time) = (table.numbers("flights")?, table.numbers("on_time_share")?);
            let (delay, cancelled) = (
                table.numbers("average_departure_delay")?,
                table.numbers("cancelled")?,
            );
            let row = |at: usize| {
                Some(Self {
                    flights: flights[at]?,
                    on_time_share: on_time[at],
                    average_departure_delay: delay[at],
                    cancelled: cancelled[at]?,
                })
            };
            (0..flights.len()).map(row).collect()
        })?;
        Ok(rows.first().copied().unwrap_or_default())
    }
}

impl Day {
    /// Reads the answer of `flights_per_day`.
    pub fn read(table: &Table) -> Result<Vec<Self>, Failure> {
        read(table, |table| {
            let (days, flights) = (table.texts("day")?, table.numbers("flights")?);
            let cancelled = table.numbers("cancelled")?;
            let row = |at: usize| {
                Some(Self {
                    day: date(days, at)?,
                    flights: flights[at]?,
                    cancelled: cancelled[at]?,
                })
            };
            (0..days.len()).map(row).collect()
        })
    }
}

impl Hour {
    /// Reads the answer of `delay_by_hour`; hours beyond 23 are refused.
    pub fn read(table: &Table) -> Result<Vec<Self>, Failure> {
        read(table, |table| {
            let (hours, flights) = (table.numbers("hour")?, table.numbers("flights")?);
            let delay = table.numbers("average_departure_delay")?;
            let row = |at: usize| {
                let hour = hours[at].filter(|hour| (0.0..24.0).contains(hour))? as u8;
                Some(Self {
                    hour,
                    flights: flights[at]?,
                    average_departure_delay: delay[at],
                })
            };
            (0..hours.len()).map(row).collect()
        })
    }
}

impl Destination {
    /// Reads the answer of `top_destinations`.
    pub fn read(table: &Table) -> Result<Vec<Self>, Failure> {
        read(table, |table| {
            let (airports, names) = (table.texts("airport")?, table.texts("name")?);
            let (flights, delay) = (
                table.numbers("flights")?,
                table.numbers("average_arrival_delay")?,
            );
            let row = |at: usize| {
                Some(Self {
                    airport: airports[at].clone()?,
                    name: names[at].clone()?,
                    flights: flights[at]?,
                    average_arrival_delay: delay[at],
                })
            };
            (0..airports.len()).map(row).collect()
        })
    }
}

impl DataSpan {
    /// Reads the answer of `flights_period`; `None` when the organization has
    /// no data, which the engine's aggregates tell as 1970 or as null.
    pub fn read(table: &Table) -> Result<Option<Self>, Failure> {
        let rows = read(table, |table| {
            let (first, last) = (table.texts("first_day")?, table.texts("last_day")?);
            let shift = table.numbers("shift_weeks")?;
            let row = |at: usize| match (date(first, at), date(last, at)) {
                (Some(first), Some(last)) if last.year() > 1970 => Some(Self {
                    first,
                    last,
                    shift_weeks: shift[at].unwrap_or_default() as i32,
                }),
                _ => None,
            };
            Some((0..first.len()).filter_map(row).collect::<Vec<_>>())
        })?;
        Ok(rows.first().copied())
    }
}

/// Runs a reader and turns "it does not fit" into a failure.
fn read<T>(table: &Table, reader: impl FnOnce(&Table) -> Option<T>) -> Result<T, Failure> {
    reader(table).ok_or_else(|| Failure::from_answer(200, "", None, None))
}

fn date(column: &[Option<String>], at: usize) -> Option<Date> {
    calendar::parse_iso(column[at].as_deref()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::FailureKind;

    fn table(meta: &str, data: &str) -> Table {
        Table::parse(&format!(r#"{{"meta":[{meta}],"data":[{data}]}}"#)).unwrap()
    }

    #[test]
    fn a_summary_without_flights_has_no_averages() {
        let meta = r#"{"name":"flights","type":"UInt64"},{"name":"on_time_share","type":"Nullable(Float64)"},
                      {"name":"average_departure_delay","type":"Nullable(Float64)"},{"name":"cancelled","type":"UInt64"}"#;
        let full = table(
            meta,
            r#"{"flights":58665,"on_time_share":0.8,"average_departure_delay":12.1,"cancelled":686}"#,
        );
        assert_eq!(Summary::read(&full).unwrap().flights, 58_665.0);
        let none = table(
            meta,
            r#"{"flights":0,"on_time_share":null,"average_departure_delay":null,"cancelled":0}"#,
        );
        assert_eq!(Summary::read(&none).unwrap(), Summary::default());
    }

    #[test]
    fn a_missing_column_is_a_failure_of_the_answer() {
        let short = table(r#"{"name":"day","type":"Date"}"#, r#"{"day":"2026-11-17"}"#);
        assert_eq!(Day::read(&short).unwrap_err().kind, FailureKind::Malformed);
    }

    #[test]
    fn hours_outside_the_day_are_refused() {
        let meta = r#"{"name":"hour","type":"UInt8"},{"name":"flights","type":"UInt64"},{"name":"average_departure_delay","type":"Nullable(Float64)"}"#;
        let late = table(
            meta,
            r#"{"hour":24,"flights":1,"average_departure_delay":null}"#,
        );
        assert!(Hour::read(&late).is_err());
    }

    #[test]
    fn an_organization_without_data_has_no_span() {
        let meta = r#"{"name":"first_day","type":"Date"},{"name":"last_day","type":"Date"},{"name":"shift_weeks","type":"Int32"}"#;
        let span = table(
            meta,
            r#"{"first_day":"2025-11-19","last_day":"2026-11-18","shift_weeks":672}"#,
        );
        assert_eq!(DataSpan::read(&span).unwrap().unwrap().shift_weeks, 672);
        for empty in [
            "",
            r#"{"first_day":"1970-01-01","last_day":"1970-01-01","shift_weeks":0}"#,
            r#"{"first_day":null,"last_day":null,"shift_weeks":null}"#,
        ] {
            assert_eq!(
                DataSpan::read(&table(meta, empty)).unwrap(),
                None,
                "{empty}"
            );
        }
    }
}
