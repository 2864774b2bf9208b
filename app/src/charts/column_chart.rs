//! The one kind of chart: columns, drawn from zero, each of them optionally
//! with a hollow part on top.
//!
//! The drawing area is stretched by the browser while all texts are laid out
//! beside it, so they keep their size on every screen without measuring.

use super::{
    geometry::{BAND, Segment, column_path, label_positions, line_path, middle_percent, percent},
    ticks::{Scale, nice_scale},
};
use crate::{components::DataTable, markup::Markup};

/// So many labels fit under a chart on a phone.
const MOST_LABELS: usize = 7;

/// What a chart shows.
#[derive(Clone, Debug)]
pub struct ColumnChartData {
    /// Prefix of the ids inside the document.
    pub id: &'static str,
    /// What the chart shows, for those who do not see it.
    pub title: String,
    /// What there is to see in it, in a sentence; also shown while no column
    /// is read.
    pub summary: String,
    /// The columns from left to right.
    pub marks: Vec<Mark>,
    /// Writes the values of the axis.
    pub axis: fn(f64) -> String,
    /// Whether the values are counts.
    pub whole: bool,
    /// Whether the values say that something is late, which has a colour of its
    /// own.
    pub is_late: bool,
    /// Names of the filled and the hollow part, when there are both.
    pub parts: Option<[&'static str; 2]>,
    /// The same numbers to read.
    pub table: DataTable,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The label under it, shown where there is room.
    pub tick: String,
    /// What the column says, when it is read.
    pub reading: String,
    /// Its height, with the hollow part; `None` leaves a gap.
    pub value: Option<f64>,
    /// How much of the value is the hollow part on top.
    pub hollow: f64,
}

/// The filled parts of all columns and the hollow ones, as two paths.
fn paths(marks: &[Mark], scale: &Scale) -> (String, String) {
    let segment = |from: f64, to: f64| {
        let (a, b) = (scale.y(from), scale.y(to));
        Segment {
            top: a.min(b),
            bottom: a.max(b),
        }
    };
    let filled = |mark: &Mark| Some(segment(0.0, mark.value? - mark.hollow));
    let hollow = |mark: &Mark| {
        let value = mark.value.filter(|_| mark.hollow > 0.0)?;
        Some(segment(value - mark.hollow, value))
    };
    let path = |segment: &dyn Fn(&Mark) -> Option<Segment>| {
        column_path(&marks.iter().map(segment).collect::<Vec<_>>())
    };
    (path(&filled), path(&hollow))
}

impl ColumnChartData {
    fn scale(&self) -> Scale {
        nice_scale(
            self.marks.iter().filter_map(|mark| mark.value),
            4,
            self.whole,
        )
    }

    /// Draws the chart with its reading line, its legend and its table. Its
    /// columns can be read one by one; that is the module `reader`.
    pub fn draw(&self) -> Markup {
        let scale = self.scale();
        let reading = Markup::element_of_text(
            "p",
            &[("class", "chart-reading"), ("role", "status")],
            &self.summary,
        );
        let caption = Markup::element(
            "figcaption",
            &[("class", "chart-caption")],
            reading + self.legend(),
        );
        let axis = |class: &str, labels| {
            Markup::element("svg", &[("class", class), ("aria-hidden", "true")], labels)
        };
        let frame = axis("chart-levels", self.levels(&scale))
            + self.area(&scale)
            + axis("chart-ticks", self.ticks());
        let frame = Markup::element("div", &[("class", "chart-frame")], frame);
        let class = if self.is_late {
            "chart is-late"
        } else {
            "chart"
        };
        Markup::element(
            "figure",
            &[("class", class)],
            caption + frame + self.numbers(),
        )
    }

    /// The drawing, the band that marks the column that is read, and the layer
    /// that the pointer and the keyboard reach.
    fn area(&self, scale: &Scale) -> Markup {
        let area = format!("0 0 {} 100", self.marks.len().max(1) * BAND);
        let (title_id, summary_id) = (self.title_id(), self.summary_id());
        let plot = [
            ("class", "chart-plot"),
            ("viewBox", &*area),
            ("preserveAspectRatio", "none"),
            ("role", "img"),
            ("aria-labelledby", &title_id),
            ("aria-describedby", &summary_id),
        ];
        let label = format!("{}: read with the arrow keys", self.title);
        let reader = [
            ("class", "chart-reader"),
            ("tabindex", "0"),
            ("role", "group"),
            ("aria-label", &*label),
        ];
        let content = Markup::element("svg", &plot, self.plot(scale))
            + Markup::element("div", &reader, Markup::default());
        Markup::element("div", &[("class", "chart-area")], content)
    }

    /// The drawing itself, with its title and its description.
    fn plot(&self, scale: &Scale) -> Markup {
        let count = self.marks.len();
        let (filled, hollow) = paths(&self.marks, scale);
        let grid = line_path(scale.ticks.iter().map(|tick| scale.y(*tick)), count);
        let zero = line_path([scale.y(0.0)], count);
        let path = |class: &str, d: &str| {
            Markup::element("path", &[("class", class), ("d", d)], Markup::default())
        };
        let titles = Markup::element_of_text("title", &[("id", &self.title_id())], &self.title)
            + Markup::element_of_text("desc", &[("id", &self.summary_id())], &self.summary);
        let band = [
            ("class", "chart-band"),
            ("x", "0"),
            ("y", "0"),
            ("width", &*BAND.to_string()),
            ("height", "100"),
        ];
        titles
            + path("chart-grid", &grid)
            + Markup::element("rect", &band, Markup::default())
            + path("chart-filled", &filled)
            + path("chart-hollow", &hollow)
            + path("chart-zero", &zero)
    }

    /// The labels of the vertical axis.
    fn levels(&self, scale: &Scale) -> Markup {
        let level = |tick: &f64| {
            let place = [("x", "100%"), ("y", &*percent(scale.y(*tick)))];
            Markup::element_of_text("text", &place, &(self.axis)(*tick))
        };
        scale.ticks.iter().map(level).sum()
    }

    /// The labels of the columns, as many as fit.
    fn ticks(&self) -> Markup {
        let count = self.marks.len();
        let tick = |at: usize| {
            let place = [("x", &*middle_percent(at, count)), ("y", "17")];
            Markup::element_of_text("text", &place, &self.marks[at].tick)
        };
        label_positions(count, MOST_LABELS).map(tick).sum()
    }

    fn legend(&self) -> Markup {
        let Some([filled, hollow]) = self.parts else {
            return Markup::default();
        };
        let items = Markup::element_of_text("li", &[("class", "legend-filled")], filled)
            + Markup::element_of_text("li", &[("class", "legend-hollow")], hollow);
        Markup::element("ul", &[("class", "legend")], items)
    }

    /// The same numbers as a table, out of the way.
    fn numbers(&self) -> Markup {
        let content = Markup::fixed("<summary>Numbers</summary>") + self.table.draw();
        Markup::element("details", &[("class", "chart-numbers")], content)
    }

    fn title_id(&self) -> String {
        format!("{}-title", self.id)
    }

    fn summary_id(&self) -> String {
        format!("{}-summary", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(value: Option<f64>, hollow: f64) -> Mark {
        Mark {
            tick: "t".into(),
            reading: "r".into(),
            value,
            hollow,
        }
    }

    #[test]
    fn hollow_parts_stand_on_the_filled_ones() {
        let marks = [
            mark(Some(100.0), 25.0),
            mark(None, 0.0),
            mark(Some(50.0), 0.0),
        ];
        let (filled, hollow) = paths(
            &marks,
            &Scale {
                ticks: vec![0.0, 50.0, 100.0],
            },
        );
        assert_eq!(filled, "M1 100V25h8V100zM21 100V50h8V100z");
        assert_eq!(hollow, "M1 25V0h8V25z");
    }

    fn chart() -> ColumnChartData {
        ColumnChartData {
            id: "days",
            title: "Flights <per> day".into(),
            summary: "Most on Tuesday.".into(),
            marks: vec![mark(Some(100.0), 25.0), mark(Some(50.0), 0.0)],
            axis: crate::numbers::short,
            whole: true,
            is_late: false,
            parts: Some(["Flown", "Cancelled"]),
            table: DataTable::default(),
        }
    }

    #[test]
    fn a_chart_says_what_it_shows_and_can_be_read_without_seeing_it() {
        let html = chart().draw().into_html();
        for expected in [
            r#"role="img" aria-labelledby="days-title" aria-describedby="days-summary""#,
            r#"<title id="days-title">Flights &lt;per&gt; day</title>"#,
            r#"<desc id="days-summary">Most on Tuesday.</desc>"#,
            r#"<p class="chart-reading" role="status">Most on Tuesday.</p>"#,
            r#"tabindex="0" role="group" aria-label="Flights &lt;per&gt; day: read with the arrow keys""#,
            "<details class=\"chart-numbers\">",
            r#"<li class="legend-hollow">Cancelled</li>"#,
        ] {
            assert!(html.contains(expected), "{expected}: {html}");
        }
    }

    #[test]
    fn labels_are_placed_in_percent_so_that_they_keep_their_size() {
        let html = chart().draw().into_html();
        assert!(
            html.contains(r#"<text x="25%" y="17">t</text><text x="75%" y="17">t</text>"#),
            "{html}"
        );
        assert!(
            html.contains(r#"<text x="100%" y="0%">100</text>"#),
            "{html}"
        );
        assert!(
            html.contains(r#"viewBox="0 0 20 100" preserveAspectRatio="none""#),
            "{html}"
        );
    }

    #[test]
    fn values_below_zero_hang_from_the_zero_line() {
        let (filled, _) = paths(
            &[mark(Some(-10.0), 0.0)],
            &Scale {
                ticks: vec![-10.0, 0.0, 10.0],
            },
        );
        assert_eq!(filled, "M1 100V50h8V100z");
    }
}
