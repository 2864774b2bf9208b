//! Round numbers for an axis.

/// A linear axis that starts and ends on a tick.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// The ticks, ascending, equally spaced; at least two.
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// The lowest value on the axis.
    pub(super) fn low(&self) -> f64 {
        self.ticks.first().copied().unwrap_or(0.0)
    }

    /// The highest value on the axis.
    pub(super) fn high(&self) -> f64 {
        self.ticks.last().copied().unwrap_or(1.0)
    }

    /// Where a value lies, from 0 at the top to 100 at the bottom, as SVG
    /// counts; values beyond the axis end at its ends.
    pub(super) fn y(&self, value: f64) -> f64 {
        let share = (self.high() - value) / (self.high() - self.low());
        (share * 100.0).clamp(0.0, 100.0)
    }
}

/// A scale that covers zero and all values with about `wanted` steps of 1, 2
/// or 5 times a power of ten; `whole` allows no fractions, for counts.
pub(super) fn nice_scale(values: impl IntoIterator<Item = f64>, wanted: u32, whole: bool) -> Scale {
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    for value in values.into_iter().filter(|value| value.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low == high {
        high = 1.0;
    }
    let step = nice_step((high - low) / f64::from(wanted.max(1)), whole);
    // The small allowance keeps a value on its tick when division wobbles.
    let first = (low / step + 1e-9).floor() as i64;
    let last = (high / step - 1e-9).ceil() as i64;
    Scale {
        ticks: (first..=last).map(|index| index as f64 * step).collect(),
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `rough`.
fn nice_step(rough: f64, whole: bool) -> f64 {
    let mut power = 1.0;
    while power > rough {
        power /= 10.0;
    }
    while power * 10.0 <= rough {
        power *= 10.0;
    }
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let cases: [(&[f64], &[f64]); 6] = [
            (&[0.0, 161.0], &[0.0, 50.0, 100.0, 150.0, 200.0]),
            (&[12.0, 200.0], &[0.0, 50.0, 100.0, 150.0, 200.0]),
            (&[-4.2, 24.0], &[-10.0, 0.0, 10.0, 20.0, 30.0]),
            (&[0.3], &[0.0, 0.1, 0.2, 0.3]),
            (&[-3.0, -1.0], &[-3.0, -2.0, -1.0, 0.0]),
            (&[f64::NAN, 7.0], &[0.0, 2.0, 4.0, 6.0, 8.0]),
        ];
        for (values, expected) in cases {
            let ticks = nice_scale(values.iter().copied(), 4, false).ticks;
            assert_eq!(ticks.len(), expected.len(), "{values:?}: {ticks:?}");
            for (tick, expected) in ticks.iter().zip(expected) {
                assert!((tick - expected).abs() < 1e-9, "{values:?}: {ticks:?}");
            }
        }
    }

    #[test]
    fn counts_get_no_fractions_and_nothing_still_gets_an_axis() {
        assert_eq!(nice_scale([1.0], 4, true).ticks, [0.0, 1.0]);
        assert_eq!(nice_scale([3.0], 4, true).ticks, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(nice_scale([], 4, true).ticks, [0.0, 1.0]);
        assert_eq!(nice_scale([0.0, 0.0], 4, false).ticks.last(), Some(&1.0));
    }

    #[test]
    fn values_are_placed_from_the_top() {
        let scale = nice_scale([200.0], 4, true);
        assert_eq!(scale.y(200.0), 0.0);
        assert_eq!(scale.y(50.0), 75.0);
        assert_eq!(scale.y(-10.0), 100.0);
    }
}
