//! Where the columns of a chart lie and how they are drawn.
//!
//! The drawing area is `10 × n` units wide for `n` columns and 100 high; it
//! is stretched to the room it has, so that no size needs to be measured.

use std::fmt::Write;

/// Width of one column's band, in units of the drawing area.
pub(super) const BAND: usize = 10;

/// Free room at each side of a column within its band.
const MARGIN: usize = 1;

/// The vertical extent of one column: where it starts and ends, 0 at the top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    /// The upper end.
    pub(super) top: f64,
    /// The lower end.
    pub(super) bottom: f64,
}

/// One SVG path for all columns of a series; bands without one stay empty.
pub(super) fn column_path(segments: &[Option<Segment>]) -> String {
    let mut path = String::new();
    for (index, segment) in segments.iter().enumerate() {
        let Some(Segment { top, bottom }) =
            segment.filter(|segment| segment.bottom - segment.top > 0.005)
        else {
            continue;
        };
        let x = index * BAND + MARGIN;
        let width = BAND - 2 * MARGIN;
        // Writing into a text cannot fail.
        let _ = write!(
            path,
            "M{x} {}V{}h{width}V{}z",
            short(bottom),
            short(top),
            short(bottom)
        );
    }
    path
}

/// A path of lines across `count` bands at these heights.
pub(super) fn line_path(heights: impl IntoIterator<Item = f64>, count: usize) -> String {
    heights
        .into_iter()
        .map(|y| format!("M0 {}H{}", short(y), count * BAND))
        .collect()
}

/// The column under a pointer at `x` of `width`.
pub(super) fn index_at(x: f64, width: f64, count: usize) -> Option<usize> {
    if count == 0 || width <= 0.0 {
        return None;
    }
    let index = (x / width * count as f64).floor();
    Some((index.max(0.0) as usize).min(count - 1))
}

/// Which of `count` columns get a label when at most `most` fit: equally
/// spaced, the first one always.
pub(super) fn label_positions(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let step = count.div_ceil(most.max(1)).max(1);
    (0..count).step_by(step)
}

/// The middle of a column's band in percent of the width.
pub(super) fn middle_percent(index: usize, count: usize) -> String {
    percent((index as f64 + 0.5) / count.max(1) as f64 * 100.0)
}

/// A coordinate as a percentage of the drawing area.
pub(super) fn percent(value: f64) -> String {
    short(value) + "%"
}

/// A coordinate between 0 and 100, with two decimals at most.
fn short(value: f64) -> String {
    let hundredths = (value.clamp(0.0, 100.0) * 100.0).round() as u32;
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => whole.to_string(),
        (whole, tenths) if tenths % 10 == 0 => format!("{whole}.{}", tenths / 10),
        (whole, hundredths) => format!("{whole}.{hundredths:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_their_bands() {
        let segments = [
            Some(Segment {
                top: 20.0,
                bottom: 100.0,
            }),
            None,
            Some(Segment {
                top: 33.333,
                bottom: 50.5,
            }),
            Some(Segment {
                top: 60.0,
                bottom: 60.0,
            }),
        ];
        assert_eq!(
            column_path(&segments),
            "M1 100V20h8V100zM21 50.5V33.33h8V50.5z"
        );
    }

    #[test]
    fn lines_cross_all_bands() {
        assert_eq!(line_path([0.0, 50.0], 3), "M0 0H30M0 50H30");
    }

    #[test]
    fn the_pointer_finds_its_column_and_never_leaves_the_chart() {
        assert_eq!(index_at(0.0, 280.0, 28), Some(0));
        assert_eq!(index_at(15.0, 280.0, 28), Some(1));
        assert_eq!(index_at(280.0, 280.0, 28), Some(27));
        assert_eq!(index_at(-3.0, 280.0, 28), Some(0));
        assert_eq!(index_at(5.0, 0.0, 28), None);
        assert_eq!(index_at(5.0, 280.0, 0), None);
    }

    #[test]
    fn labels_are_spaced_equally_and_no_more_than_fit() {
        let labels = |count, most| label_positions(count, most).collect::<Vec<_>>();
        assert_eq!(labels(5, 7), [0, 1, 2, 3, 4]);
        assert_eq!(labels(28, 7), [0, 4, 8, 12, 16, 20, 24]);
        assert_eq!(labels(0, 7), Vec::<usize>::new());
        for count in 1..400 {
            assert!(labels(count, 7).len() <= 7, "{count}");
        }
    }

    #[test]
    fn middles_are_percentages() {
        assert_eq!(middle_percent(0, 4), "12.5%");
        assert_eq!(middle_percent(2, 3), "83.33%");
    }
}
