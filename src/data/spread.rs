//! Where samples lie and how far they are spread, by one pass over a source.

use super::Source;

/// Of all samples of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least and the largest of all numbers.
    pub range: [f64; 2],
    /// √(tr Cov / d): of every coordinate about its own mean.
    pub std: f64,
    /// The size of the mean that is farthest from 0.
    pub offset: f64,
}

impl Spread {
    /// Measures every sample.
    #[must_use]
    pub fn of(data: &dyn Source) -> Self {
        let (n, d) = (data.len(), data.space().dim());
        let (mut row, mut mean, mut squares) = (vec![0.0f32; d], vec![0.0f64; d], 0.0);
        let mut range = [f64::INFINITY, f64::NEG_INFINITY];
        for index in 0..n {
            data.fill(index, &mut row);
            // Welford's update, which does not cancel where points are far from 0.
            for (mean, x) in mean.iter_mut().zip(row.iter().copied().map(f64::from)) {
                range = [range[0].min(x), range[1].max(x)];
                let away = x - *mean;
                *mean += away / (index + 1) as f64;
                squares += away * (x - *mean);
            }
        }
        let offset = mean.iter().fold(0.0, |most: f64, mean| most.max(mean.abs()));
        Self { range, std: libm::sqrt(squares / (n * d) as f64), offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Points;

    #[test]
    fn a_spread_is_about_each_coordinates_mean() {
        // Variances 2/3 and 200/3, far from 0.
        let points = Points::new(vec![1001.0, -10.0, 1002.0, 0.0, 1003.0, 10.0], 2).unwrap();
        let Spread { range, std, offset } = Spread::of(&points);
        assert_eq!((range, offset), ([-10.0, 1003.0], 1002.0));
        // Rounding of f64.
        assert!((std - f64::sqrt(0.5 * (2.0 + 200.0) / 3.0)).abs() < 1e-12, "{std}");
    }
}
