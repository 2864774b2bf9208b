//! Everything the dashboard derives from its address and from the days that
//! have data, in one place and without a browser.

use time::Date;

use crate::{
    analytics::{DataSpan, Outcome},
    calendar,
    period::{PeriodQuery, Range, Selection, neighbours},
};

/// What is known of the days that have data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The question is on its way.
    NotYet,
    /// It could not be found out; the rest is shown without.
    Unknown,
    /// There are none.
    Empty,
    /// These.
    Days(DataSpan),
}

impl Known {
    /// Understands the outcome of `flights_period`.
    pub(super) fn of(outcome: Option<&Outcome>) -> Self {
        match outcome.map(|outcome| outcome.as_ref().map(DataSpan::read)) {
            None => Self::NotYet,
            Some(Ok(Ok(Some(span)))) => Self::Days(span),
            Some(Ok(Ok(None))) => Self::Empty,
            Some(Ok(Err(_)) | Err(_)) => Self::Unknown,
        }
    }

    fn span(self) -> Option<DataSpan> {
        match self {
            Self::Days(span) => Some(span),
            Self::NotYet | Self::Unknown | Self::Empty => None,
        }
    }
}

/// What the dashboard shows and asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// What the address asks for.
    pub(super) selection: Selection,
    /// The days to ask the endpoints for, open where not limited; `None`
    /// while they depend on what is not known yet.
    pub(super) limits: Option<(Option<Date>, Option<Date>)>,
    /// The days that are shown, where both ends are known.
    pub(super) range: Option<Range>,
    /// The same in words.
    pub(super) label: String,
    /// The address of the period before, where it has data.
    pub(super) earlier: Option<String>,
    /// The address of the period after, where it has data.
    pub(super) later: Option<String>,
    /// The first day in the form: what was typed, or what is shown.
    pub(super) from: String,
    /// The last day in the form.
    pub(super) to: String,
    /// Why the typed days are not shown.
    pub(super) mistake: Option<&'static str>,
    /// Whether the organization has no data at all.
    pub(super) is_empty: bool,
    /// By how many weeks the demo's dates were moved.
    pub(super) shift_weeks: i32,
}

impl Plan {
    /// Makes the plan; `today` ends the named ranges where the last day with
    /// data is not known.
    pub(super) fn of(query: &PeriodQuery, known: Known, today: Date) -> Self {
        let span = known.span();
        let range = query.range(span, today);
        let (earlier, later) = range
            .zip(span)
            .map_or((None, None), |(range, span)| neighbours(range, span));
        let field = |typed: &str, shown: Option<Date>| match (typed, shown) {
            ("", Some(day)) => calendar::iso(day),
            (typed, _) => typed.to_owned(),
        };
        let limits =
            (known != Known::NotYet || !query.needs_span()).then(|| query.limits(span, today));
        Self {
            selection: query.selection,
            limits,
            range,
            label: range.map_or_else(
                || "All days".to_owned(),
                |range| calendar::span(range.from, range.to),
            ),
            earlier,
            later,
            from: field(&query.typed_from, range.map(|range| range.from)),
            to: field(&query.typed_to, range.map(|range| range.to)),
            mistake: query.mistake,
            is_empty: known == Known::Empty,
            shift_weeks: span.map_or(0, |span| span.shift_weeks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(search: &str, known: Known) -> Plan {
        let query = PeriodQuery::read(|name| {
            let mut pairs = search.split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        });
        Plan::of(&query, known, calendar::parse_iso("2026-11-21").unwrap())
    }

    fn year() -> Known {
        let day = |text| calendar::parse_iso(text).unwrap();
        Known::Days(DataSpan {
            first: day("2025-11-19"),
            last: day("2026-11-18"),
            shift_weeks: 672,
        })
    }

    #[test]
    fn presets_wait_for_the_last_day_with_data_and_the_rest_does_not() {
        assert_eq!(plan("period=7d", Known::NotYet).limits, None);
        assert_eq!(plan("period=all", Known::NotYet).limits, Some((None, None)));
        assert!(plan("from=2026-01-01", Known::NotYet).limits.is_some());
        assert!(plan("period=7d", Known::Unknown).limits.is_some());
        assert_eq!(plan("period=7d", year()).label, "12 – 18 Nov 2026");
    }

    #[test]
    fn the_form_shows_what_was_typed_and_else_what_is_shown() {
        let typed = plan("from=soon", year());
        assert_eq!(
            (typed.from.as_str(), typed.to.as_str()),
            ("soon", "2026-11-18")
        );
        assert!(typed.mistake.is_some());
        let shown = plan("period=all", year());
        assert_eq!(
            (shown.from.as_str(), shown.to.as_str()),
            ("2025-11-19", "2026-11-18")
        );
    }

    #[test]
    fn without_days_there_are_no_neighbours() {
        let empty = plan("", Known::Empty);
        assert!(empty.is_empty);
        assert_eq!((empty.earlier, empty.later), (None, None));
        assert_eq!(plan("period=all", Known::Unknown).label, "All days");
        assert!(plan("period=7d", year()).earlier.is_some());
    }
}
