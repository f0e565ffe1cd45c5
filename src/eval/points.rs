//! Quality of points: the energy distance of n samples from as many draws that were not trained on,
//!
//! 2·E|X − Y| − E|X − X′| − E|Y − Y′|
//!
//! (Székely & Rizzo 2013, <https://doi.org/10.1016/j.jspi.2013.03.018>), in the data's units, which is 0 for equal laws
//! alone. The estimate has no bias, so that it is 0 in the mean for draws of one law, and may be negative.

use serde::Serialize;

use crate::{
    Error, Result,
    compute::parallel::map_chunks,
    data::{Distribution, plane},
    noise::{Noise, Purpose},
};

/// How good n points are.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PointQuality {
    /// How many points.
    pub n: usize,
    /// Energy distance of the samples from the data.
    pub energy_distance: f64,
    /// The same of the first n training points.
    pub energy_distance_floor: f64,
    /// The same of n draws from N(0, σ_d²·I), σ_d the data's standard deviation, seed 0.
    pub energy_distance_ceiling: f64,
}

impl PointQuality {
    /// Whether n samples can be measured.
    ///
    /// # Errors
    /// When there are fewer than two, or more than draws to compare them with.
    pub fn check(n: usize) -> Result<()> {
        let ok = (2..=plane::TEST).contains(&n);
        ok.then_some(()).ok_or_else(|| Error::setting("n", n, format!("2 to {}", plane::TEST)))
    }

    /// Measures samples of a distribution.
    ///
    /// # Shapes
    /// `samples`: `[n, 2]` flattened.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn of(samples: &[f32], distribution: Distribution) -> Result<Self> {
        let n = samples.len() / 2;
        Self::check(n)?;
        let data = distribution.test(n);
        let (mut noise, std) = (vec![0.0f32; 2 * n], distribution.std() as f32);
        for (i, point) in (0..).zip(noise.chunks_exact_mut(2)) {
            Noise::new(0).fill_normal(i, Purpose::Prior, 0, point);
            point.iter_mut().for_each(|x| *x *= std);
        }
        let distance = |points: &[f32]| energy_distance(points, &data, 2);
        Ok(Self {
            n,
            energy_distance: distance(samples),
            energy_distance_floor: distance(&distribution.train(n)),
            energy_distance_ceiling: distance(&noise),
        })
    }
}

/// The energy distance of two samples, at least two points each.
///
/// # Shapes
/// `a` and `b`: `[n, d]` and `[m, d]` flattened.
#[must_use]
pub fn energy_distance(a: &[f32], b: &[f32], d: usize) -> f64 {
    let [n, m] = [a, b].map(|points| (points.len() / d) as f64);
    let within = |points: &[f32], n: f64| distances(points, points, d) / (n * (n - 1.0));
    2.0 * distances(a, b, d) / (n * m) - within(a, n) - within(b, m)
}

/// Σ|x − y| over all pairs of two samples.
fn distances(a: &[f32], b: &[f32], d: usize) -> f64 {
    /// Points a part.
    const PART: usize = 256;
    let mut rows = a.to_vec();
    let sums = map_chunks(&mut rows, PART * d, |_, part| {
        let distance = |x: &[f32], y: &[f32]| {
            let squares = x.iter().zip(y).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
            squares.sum::<f64>().sqrt()
        };
        part.chunks_exact(d).map(|x| b.chunks_exact(d).map(|y| distance(x, y)).sum::<f64>()).sum::<f64>()
    });
    sums.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_energy_distance_is_the_definitions() {
        // Pairs on the line: 2·(0 + 3 + 1 + 2)/4 − 1 − 3.
        assert_eq!(energy_distance(&[0.0, 1.0], &[0.0, 3.0], 1), -1.0);
        // In the plane: 2·(5 + 5)/2 − 10 − 0.
        assert_eq!(energy_distance(&[3.0, 4.0, -3.0, -4.0], &[0.0; 4], 2), 0.0);
    }

    /// X ~ N(0, 1), Y ~ N(3, 1): X − Y ~ N(3, 2), and E|N(m, v)| = √(2v/π)·e^(−m²/2v) + m·(1 − 2Φ(−m/√v)).
    #[test]
    fn normal_laws_are_as_far_apart_as_the_closed_form_says() {
        const N: usize = 4000;
        let draw = |purpose, mean: f32| {
            let mut x = vec![0.0; N];
            Noise::new(1).fill_normal(0, purpose, 0, &mut x);
            x.into_iter().map(|x| x + mean).collect::<Vec<_>>()
        };
        let absolute = |m: f64, v: f64| {
            (2.0 * v / std::f64::consts::PI).sqrt() * (-m * m / (2.0 * v)).exp() + m * libm::erf(m / (2.0 * v).sqrt())
        };
        let expected = 2.0 * absolute(3.0, 2.0) - 2.0 * absolute(0.0, 2.0);
        let (a, b) = (draw(Purpose::Prior, 0.0), draw(Purpose::Data, 3.0));
        // Its standard deviation is some 4/√N: a sample's mean moves both ends.
        let found = energy_distance(&a, &b, 1);
        assert!((found - expected).abs() < 4.0 * 2.0 * f64::sqrt(2.0 / N as f64), "{found}, not {expected}");
        // One law: E|X − X′| = 2/√π, and a variation of some 1/N of that.
        let same = energy_distance(&a, &draw(Purpose::Data, 0.0), 1);
        assert!(same.abs() < 10.0 / N as f64, "{same}");
    }
}
