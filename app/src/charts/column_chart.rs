//! The one kind of chart: columns, drawn from zero, each of them optionally
//! with a hollow part on top.
//!
//! The drawing area is stretched by the browser while all texts are laid out
//! beside it, so they keep their size on every screen without measuring.

use leptos::{ev, prelude::*, web_sys};

use super::{
    geometry::{
        BAND, Segment, column_path, index_at, label_positions, line_path, middle_percent, percent,
    },
    ticks::{Scale, nice_scale},
};
use crate::{components::DataTable, dynamic, markup::Markup};

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
        titles
            + path("chart-grid", &grid)
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

/// A chart with its reading line, its legend and its table.
#[component]
pub fn ColumnChart(
    /// What to draw and to say.
    data: ColumnChartData,
) -> impl IntoView {
    let count = data.marks.len();
    let scale = data.scale();
    let area = format!("0 0 {} 100", count.max(1) * BAND);
    let label_ids = format!("{} {}", data.title_id(), data.summary_id());
    let (plot, levels, ticks) = (data.plot(&scale), data.levels(&scale), data.ticks());
    let (legend, numbers) = (data.legend(), data.numbers());
    let read = RwSignal::new(None::<usize>);
    let is_read = move || dynamic::flag(move || read.get().is_some());
    let band =
        dynamic::attribute(move || Some((read.get().unwrap_or_default() * BAND).to_string()));
    let ColumnChartData {
        title,
        summary,
        marks,
        is_late,
        ..
    } = data;
    let reading = dynamic::text(move || {
        let mark = read.get().and_then(|at| marks.get(at));
        mark.map_or_else(|| summary.clone(), |mark| mark.reading.clone())
    });
    view! {
        <figure class=if is_late { "chart is-late" } else { "chart" }>
            <figcaption class="chart-caption">
                <p class="chart-reading" role="status" data-read=is_read()>{reading}</p>
                <div inner_html=legend.into_html()></div>
            </figcaption>
            <div class="chart-frame">
                <svg class="chart-levels" aria-hidden="true" inner_html=levels.into_html()></svg>
                <div class="chart-area">
                    <svg
                        class="chart-plot"
                        viewBox=area.clone()
                        preserveAspectRatio="none"
                        role="img"
                        aria-labelledby=label_ids
                        inner_html=plot.into_html()
                    ></svg>
                    <svg class="chart-plot" viewBox=area preserveAspectRatio="none" aria-hidden="true">
                        <rect class="chart-band" data-read=is_read() x=band y="0" width=BAND.to_string() height="100" />
                    </svg>
                    {reader(&title, read, count)}
                </div>
                <svg class="chart-ticks" aria-hidden="true" inner_html=ticks.into_html()></svg>
            </div>
            <div inner_html=numbers.into_html()></div>
        </figure>
    }
}

/// The layer over the chart that reads columns under the pointer or, with the
/// arrow keys, one after the other.
fn reader(title: &str, read: RwSignal<Option<usize>>, count: usize) -> AnyView {
    let point = move |event: ev::PointerEvent| {
        let width = event_target::<web_sys::Element>(&event).client_width();
        read.set(index_at(
            f64::from(event.offset_x()),
            f64::from(width),
            count,
        ));
    };
    let step = move |event: ev::KeyboardEvent| {
        if let Some(next) = next_read(&event.key(), read.get_untracked(), count) {
            event.prevent_default();
            read.set(next);
        }
    };
    view! {
        <div
            class="chart-reader"
            tabindex="0"
            role="group"
            aria-label=format!("{title}: read with the arrow keys")
            on:pointermove=point
            on:pointerdown=point
            on:pointerleave=move |_| read.set(None)
            on:keydown=step
            on:blur=move |_| read.set(None)
        ></div>
    }
    .into_any()
}

/// Which column is read after a key; `None` when the key is not the chart's.
fn next_read(key: &str, read: Option<usize>, count: usize) -> Option<Option<usize>> {
    let last = count.checked_sub(1)?;
    let next = match (key, read) {
        ("ArrowRight", None) | ("Home", _) => 0,
        ("ArrowLeft", None) | ("End", _) => last,
        ("ArrowRight", Some(at)) => (at + 1).min(last),
        ("ArrowLeft", Some(at)) => at.saturating_sub(1),
        ("Escape", Some(_)) => return Some(None),
        _ => return None,
    };
    Some(Some(next))
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

    #[test]
    fn arrow_keys_walk_along_the_columns_and_stop_at_the_ends() {
        assert_eq!(next_read("ArrowRight", None, 3), Some(Some(0)));
        assert_eq!(next_read("ArrowLeft", None, 3), Some(Some(2)));
        assert_eq!(next_read("ArrowRight", Some(2), 3), Some(Some(2)));
        assert_eq!(next_read("ArrowLeft", Some(0), 3), Some(Some(0)));
        assert_eq!(next_read("End", Some(0), 3), Some(Some(2)));
        assert_eq!(next_read("Escape", Some(1), 3), Some(None));
        assert_eq!(
            next_read("Escape", None, 3),
            None,
            "it belongs to whoever else listens"
        );
        assert_eq!(next_read("Tab", Some(1), 3), None);
        assert_eq!(next_read("ArrowRight", None, 0), None);
    }
}
