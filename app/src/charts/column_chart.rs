//! The one kind of chart: columns, drawn from zero, each of them optionally
//! with a hollow part on top.
//!
//! The drawing area is stretched by the browser while all texts are laid out
//! beside it, so they keep their size on every screen without measuring.

use leptos::{ev, html, prelude::*, web_sys};

use super::{
    geometry::{BAND, Segment, column_path, index_at, label_positions, line_path, middle_percent},
    ticks::{Scale, nice_scale},
};
use crate::components::{DataTable, data_table};

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

impl ColumnChartData {
    fn scale(&self) -> Scale {
        nice_scale(
            self.marks.iter().filter_map(|mark| mark.value),
            4,
            self.whole,
        )
    }
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
    let filled: Vec<_> = marks
        .iter()
        .map(|mark| mark.value.map(|value| segment(0.0, value - mark.hollow)))
        .collect();
    let hollow: Vec<_> = marks
        .iter()
        .map(|mark| {
            mark.value
                .filter(|_| mark.hollow > 0.0)
                .map(|value| segment(value - mark.hollow, value))
        })
        .collect();
    (column_path(&filled), column_path(&hollow))
}

/// A chart with its reading line, its legend and its table.
#[component]
pub fn ColumnChart(
    /// What to draw and to say.
    data: ColumnChartData,
) -> impl IntoView {
    let count = data.marks.len();
    let scale = data.scale();
    let (filled, hollow) = paths(&data.marks, &scale);
    let read = RwSignal::new(None::<usize>);
    let ticks = label_positions(count, MOST_LABELS)
        .map(|at| {
            let label = data.marks[at].tick.clone();
            view! { <text x=middle_percent(at, count) y="17">{label}</text> }
        })
        .collect_view();
    let grid = line_path(scale.ticks.iter().map(|tick| scale.y(*tick)), count);
    let zero = line_path([scale.y(0.0)], count);
    let levels = scale
        .ticks
        .iter()
        .map(|tick| view! { <text x="100%" y=format!("{:.2}%", scale.y(*tick))>{(data.axis)(*tick)}</text> })
        .collect_view();
    let legend = data.parts.map(|[filled, hollow]| {
        view! {
            <ul class="legend">
                <li class="legend-filled">{filled}</li>
                <li class="legend-hollow">{hollow}</li>
            </ul>
        }
    });
    let readings: Vec<String> = data.marks.iter().map(|mark| mark.reading.clone()).collect();
    let summary = data.summary.clone();
    let (title_id, summary_id) = (format!("{}-title", data.id), format!("{}-summary", data.id));
    let label_ids = format!("{title_id} {summary_id}");
    view! {
        <figure class="chart" class:is-late=data.is_late>
            <figcaption class="chart-caption">
                <p class="chart-reading" role="status" class:is-read=move || read.get().is_some()>
                    {move || read.get().and_then(|at| readings.get(at).cloned()).unwrap_or_else(|| summary.clone())}
                </p>
                {legend}
            </figcaption>
            <div class="chart-frame">
                <svg class="chart-levels" aria-hidden="true">{levels}</svg>
                <div class="chart-area">
                    <svg
                        class="chart-plot"
                        viewBox=format!("0 0 {} 100", count.max(1) * BAND)
                        preserveAspectRatio="none"
                        role="img"
                        aria-labelledby=label_ids
                    >
                        <title id=title_id>{data.title.clone()}</title>
                        <desc id=summary_id>{data.summary}</desc>
                        <path class="chart-grid" d=grid />
                        <rect
                            class="chart-band"
                            class:is-read=move || read.get().is_some()
                            x=move || (read.get().unwrap_or_default() * BAND).to_string()
                            y="0"
                            width=BAND.to_string()
                            height="100"
                        />
                        <path class="chart-filled" d=filled />
                        <path class="chart-hollow" d=hollow />
                        <path class="chart-zero" d=zero />
                    </svg>
                    {reader(data.title, read, count)}
                </div>
                <svg class="chart-ticks" aria-hidden="true">{ticks}</svg>
            </div>
            <details class="chart-numbers">
                <summary>"Numbers"</summary>
                {data_table(data.table)}
            </details>
        </figure>
    }
}

/// The layer over the chart that reads columns under the pointer or, with the
/// arrow keys, one after the other.
fn reader(title: String, read: RwSignal<Option<usize>>, count: usize) -> AnyView {
    let layer = NodeRef::<html::Div>::new();
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
            node_ref=layer
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
