//! The dashboard's date range: what the address says, which days that means,
//! and the addresses of its neighbours. Days only; which time zone they are
//! days of is the endpoints' business.

use time::Date;

use crate::{analytics::DataSpan, calendar};

/// The years that the engine's type `Date` holds in full.
const YEARS: std::ops::Range<i32> = 1970..2149;

/// A range that has a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    /// The last seven days with data.
    Week,
    /// The last 28.
    #[default]
    FourWeeks,
    /// The last 91.
    Quarter,
    /// From the first of the last day's month.
    Month,
    /// The last twelve months.
    Year,
    /// Everything.
    All,
}

impl Preset {
    /// In the order in which they are offered.
    pub const ALL: [Self; 6] = [
        Self::Week,
        Self::FourWeeks,
        Self::Quarter,
        Self::Month,
        Self::Year,
        Self::All,
    ];

    /// The value of `period` in the address.
    pub fn key(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::FourWeeks => "28d",
            Self::Quarter => "91d",
            Self::Month => "month",
            Self::Year => "12mo",
            Self::All => "all",
        }
    }

    /// What the link says.
    pub fn label(self) -> &'static str {
        match self {
            Self::Week => "7 days",
            Self::FourWeeks => "28 days",
            Self::Quarter => "91 days",
            Self::Month => "Month to date",
            Self::Year => "12 months",
            Self::All => "All",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.key() == key)
    }
}

/// Days from `from` to `to`, both inclusive, never the wrong way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Range {
    /// How many days it has, at least one.
    pub fn days(self) -> i64 {
        (self.to - self.from).whole_days() + 1
    }

    /// The range as long as this one that many lengths later or earlier.
    fn moved(self, lengths: i64) -> Self {
        let days = self.days() * lengths;
        Self {
            from: calendar::plus_days(self.from, days),
            to: calendar::plus_days(self.to, days),
        }
    }
}

/// What the address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A named range.
    Preset(Preset),
    /// Dates; a missing one is the end of the data on that side.
    Custom {
        /// The first day.
        from: Option<Date>,
        /// The last day.
        to: Option<Date>,
    },
}

/// The dashboard's part of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodQuery {
    /// What to show. Unknown values fall back to the default.
    pub selection: Selection,
    /// `from` as it was typed, for the form.
    pub typed_from: String,
    /// `to` as it was typed, for the form.
    pub typed_to: String,
    /// Why the typed dates are not shown.
    pub mistake: Option<&'static str>,
}

impl PeriodQuery {
    /// Reads the parameters `period`, `from` and `to`.
    pub fn read(parameter: impl Fn(&str) -> Option<String>) -> Self {
        let typed = |name| {
            parameter(name)
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        let (typed_from, typed_to) = (typed("from"), typed("to"));
        let preset = parameter("period")
            .and_then(|key| Preset::from_key(&key))
            .unwrap_or_default();
        let (selection, mistake) = match check_dates(&typed_from, &typed_to) {
            Ok(None) => (Selection::Preset(preset), None),
            Ok(Some(custom)) => (custom, None),
            Err(mistake) => (Selection::Preset(preset), Some(mistake)),
        };
        Self {
            selection,
            typed_from,
            typed_to,
            mistake,
        }
    }

    /// The days to ask the endpoints for, as far as they are limited: `all`
    /// and missing dates set no limit. `today` ends the named ranges where
    /// the data's last day is not known.
    pub fn limits(&self, span: Option<DataSpan>, today: Date) -> (Option<Date>, Option<Date>) {
        let last = span.map_or(today, |span| span.last);
        let back = |days: i64| (Some(calendar::plus_days(last, 1 - days)), Some(last));
        match self.selection {
            Selection::Custom { from, to } => (from, to),
            Selection::Preset(Preset::Week) => back(7),
            Selection::Preset(Preset::FourWeeks) => back(28),
            Selection::Preset(Preset::Quarter) => back(91),
            Selection::Preset(Preset::Month) => (last.replace_day(1).ok(), Some(last)),
            Selection::Preset(Preset::Year) => (
                Some(calendar::plus_days(calendar::minus_months(last, 12), 1)),
                Some(last),
            ),
            Selection::Preset(Preset::All) => (None, None),
        }
    }

    /// Whether [`PeriodQuery::limits`] depends on the data's span.
    pub fn needs_span(&self) -> bool {
        !matches!(
            self.selection,
            Selection::Preset(Preset::All) | Selection::Custom { .. }
        )
    }

    /// The days that are shown, with open ends closed by the data; `None`
    /// when an end stays open.
    pub fn range(&self, span: Option<DataSpan>, today: Date) -> Option<Range> {
        let (from, to) = self.limits(span, today);
        let from = from.or(span.map(|span| span.first))?;
        let to = to.or(span.map(|span| span.last))?;
        (from <= to).then_some(Range { from, to })
    }
}

/// Checks two typed dates: `None` when neither is given.
pub fn check_dates(from: &str, to: &str) -> Result<Option<Selection>, &'static str> {
    if from.is_empty() && to.is_empty() {
        return Ok(None);
    }
    let read = |text: &str, mistake| match text {
        "" => Ok(None),
        text => calendar::parse_iso(text)
            .filter(|date| YEARS.contains(&date.year()))
            .map(Some)
            .ok_or(mistake),
    };
    let from = read(
        from,
        "The first day is not a date since 1970. Write it as 2026-11-17.",
    )?;
    let to = read(
        to,
        "The last day is not a date since 1970. Write it as 2026-11-17.",
    )?;
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err("The first day comes after the last one. Swap them.");
    }
    Ok(Some(Selection::Custom { from, to }))
}

/// The addresses of the periods before and after, each `None` where there are
/// no more data.
pub fn neighbours(range: Range, span: DataSpan) -> (Option<String>, Option<String>) {
    let earlier = range.moved(-1);
    let later = range.moved(1);
    (
        (earlier.to >= span.first).then(|| address_of(earlier)),
        (later.from <= span.last).then(|| address_of(later)),
    )
}

/// The query string of a preset.
pub fn address_of_preset(preset: Preset) -> String {
    format!("?period={}", preset.key())
}

/// The query string of dates.
pub fn address_of(range: Range) -> String {
    format!(
        "?from={}&to={}",
        calendar::iso(range.from),
        calendar::iso(range.to)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        calendar::parse_iso(text).unwrap()
    }

    fn span() -> DataSpan {
        DataSpan {
            first: date("2025-11-19"),
            last: date("2026-11-18"),
            shift_weeks: 672,
        }
    }

    fn query(search: &str) -> PeriodQuery {
        PeriodQuery::read(|name| {
            search
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        })
    }

    /// The range of an address as `from..to`.
    fn range(search: &str) -> String {
        let range = query(search)
            .range(Some(span()), date("2026-11-21"))
            .unwrap();
        format!("{}..{}", calendar::iso(range.from), calendar::iso(range.to))
    }

    #[test]
    fn presets_end_on_the_last_day_with_data() {
        let cases = [
            ("", "2026-10-22..2026-11-18"),
            ("period=7d", "2026-11-12..2026-11-18"),
            ("period=28d", "2026-10-22..2026-11-18"),
            ("period=91d", "2026-08-20..2026-11-18"),
            ("period=month", "2026-11-01..2026-11-18"),
            ("period=12mo", "2025-11-19..2026-11-18"),
            ("period=all", "2025-11-19..2026-11-18"),
        ];
        for (search, expected) in cases {
            assert_eq!(range(search), expected, "{search}");
        }
    }

    #[test]
    fn all_asks_without_limits_and_so_needs_no_span() {
        assert_eq!(
            query("period=all").limits(None, date("2026-11-21")),
            (None, None)
        );
        assert!(!query("period=all").needs_span());
        assert!(query("period=7d").needs_span());
    }

    #[test]
    fn without_a_span_presets_end_today() {
        let limits = query("period=7d").limits(None, date("2026-11-21"));
        assert_eq!(limits, (Some(date("2026-11-15")), Some(date("2026-11-21"))));
    }

    #[test]
    fn unknown_values_fall_back_to_the_default() {
        for search in ["period=", "period=7", "period=forever", "interval=day"] {
            assert_eq!(
                query(search).selection,
                Selection::Preset(Preset::FourWeeks),
                "{search}"
            );
            assert_eq!(query(search).mistake, None);
        }
    }

    #[test]
    fn dates_win_over_a_preset_and_may_be_open() {
        assert_eq!(
            range("period=7d&from=2026-01-01&to=2026-01-31"),
            "2026-01-01..2026-01-31"
        );
        assert_eq!(range("from=2026-01-01"), "2026-01-01..2026-11-18");
        assert_eq!(range("to=2026-01-31&from="), "2025-11-19..2026-01-31");
    }

    #[test]
    fn wrong_dates_are_named_and_the_preset_is_shown() {
        for search in [
            "from=soon&to=2026-01-01",
            "from=2026-01-01&to=2026-02-30",
            "from=2026-02-01&to=2026-01-01",
            "from=0026-02-01",
        ] {
            let query = query(search);
            assert!(query.mistake.is_some(), "{search}");
            assert_eq!(query.selection, Selection::Preset(Preset::FourWeeks));
            assert!(
                !query.typed_from.is_empty(),
                "what was typed stays in the form"
            );
        }
    }

    #[test]
    fn neighbours_are_as_long_and_stop_at_the_data() {
        let week = Range {
            from: date("2026-11-12"),
            to: date("2026-11-18"),
        };
        let (earlier, later) = neighbours(week, span());
        assert_eq!(earlier.as_deref(), Some("?from=2026-11-05&to=2026-11-11"));
        assert_eq!(later, None);
        let first = Range {
            from: date("2025-11-19"),
            to: date("2025-11-25"),
        };
        let (earlier, later) = neighbours(first, span());
        assert_eq!(earlier, None);
        assert_eq!(later.as_deref(), Some("?from=2025-11-26&to=2025-12-02"));
    }
}
